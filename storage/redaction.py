"""What must not be shown is taken out here: by the name it goes by, and by what it looks like.

Applied where data is captured (log lines, errors, tracebacks, history) and again where it is shown. A job's own payload
stays whole: the job needs it. Every pass is linear in the length of what it reads.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

MASK = "[redacted]"

KEYS = (
    *("password", "passwd", "passphrase", "pwd", "secret", "token", "api_key", "apikey", "access_key", "private_key"),
    *("authorization", "cookie", "credential", "session_id", "client_secret", "signature", "otp", "pin", "cvv", "cvc"),
    *("card_number", "ssn", "iban", "dsn"),
)
"""Names whose values are secret, however they are written: api_key, apiKey, API-KEY, stripe_api_key."""

DEEPEST = 40
"""How deep a value is looked into; what lies deeper is not shown."""
_LONG_NAME = 8
"""A name of so many letters is found anywhere in a key; a shorter one as a word of it, or at its end."""
_LONGEST_KEY = 200
_MOST_KEYS = 4096
_SHORTEST_KNOWN = 6
"""A secret of fewer characters is not looked for elsewhere: it would take common words out."""

_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:(?!-----)[\s\S]){0,16384}"
    r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?"
)
_JWT = re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?")
_BEARER = re.compile(
    r"(?i)(?<![A-Za-z0-9])(bearer\s{1,8})(?:[A-Za-z]{16,}|(?=[A-Za-z]{0,256}[0-9._~+/=-])[A-Za-z0-9._~+/=-]{6,})"
)
_BASIC = re.compile(r"(?<![A-Za-z0-9])([Bb]asic\s{1,8})(?=[A-Za-z]{0,256}[0-9+/=])[A-Za-z0-9+/=]{8,}")
_CREDENTIALS = re.compile(r"(?i)(?<![a-z0-9+.-])([a-z][a-z0-9+.-]{0,30}://[^\s/:@\"']{0,256}:)[^\s/\"']{1,512}(?=@)")
_TOKEN_USER = re.compile(r"(?i)(?<![a-z0-9+.-])([a-z][a-z0-9+.-]{0,30}://)[^\s/:@\"']{20,512}(?=@)")
_PROVIDERS = re.compile(
    r"(?<![A-Za-z0-9])(?:(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}(?![A-Z0-9])|gh[pousr]_[A-Za-z0-9]{20,}"
    r"|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}|xox[abeprs]-[A-Za-z0-9-]{10,}"
    r"|[srp]k_(?:live|test)_[A-Za-z0-9]{8,}|AIza[A-Za-z0-9_-]{30,}|sk-[A-Za-z0-9_-]{20,}|re_[A-Za-z0-9]{16,}"
    r"|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,})"
)
_COOKIES = re.compile(r"(?i)((?:set-)?cookie[\"']?\s{0,3}:\s{0,3}[\"']?)[^\s\"'][^\n\"']*")
_CARD = re.compile(r"[2-6](?<![\w.-].)\d{2,3}(?:[ -]?\d){10,15}(?![\w-])(?!\.\d)")
_CARD_LENGTHS = {"3": (14, 15), "4": (13, 16, 19), "2": (16,), "5": (16,), "6": (16, 19)}
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SQUASH = re.compile(r"[^a-z0-9]+")
_PROVIDER_HINTS = (
    *(
        "AKIA",
        "ASIA",
        "AROA",
        "AIDA",
        "gho_",
        "ghp_",
        "ghu_",
        "ghs_",
        "ghr_",
        "github_pat_",
        "glpat-",
        "xox",
        "k_live_",
    ),
    *("k_test_", "AIza", "sk-", "re_", "SG."),
)
_NOTHING = frozenset({"None", "null", "True", "False", "true", "false"})
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Redactor:
    """Takes secrets out of values and texts. ``keys`` are names besides KEYS (``-name`` takes one of those away), and
    ``patterns`` are regular expressions of what is secret wherever it stands."""

    keys: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    _names: "_Names" = field(init=False, repr=False, compare=False)
    _own: tuple["re.Pattern[str]", ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_names", _names(self.keys))
        object.__setattr__(self, "_own", tuple(re.compile(pattern) for pattern in self.patterns))

    def is_secret(self, key: str) -> bool:
        """Whether what goes by this name is secret."""
        return self._names.match(key)

    def redact_value(self, value: object) -> object:
        """A value like JSON with its secrets masked; what holds none is answered as it is, in a new container."""
        return self._redacted(value, 0)

    def redact_call(
        self, args: Sequence[object], kwargs: Mapping[str, object], names: Sequence[str] = ()
    ) -> tuple[tuple[object, ...], dict[str, object]]:
        """The arguments of a call; ``names`` are those of its parameters, so that positional ones are known too."""
        known = names if len(names) >= len(args) else [*names, *[""] * len(args)]
        positional = [self._item(name, value, 0) for name, value in zip(known, args, strict=False)]
        return tuple(positional), {key: self._item(key, value, 0) for key, value in kwargs.items()}

    def redact_text(self, text: str, secrets: Iterable[str] = ()) -> str:
        """A text with its secrets masked. ``secrets`` are known ones, to be masked wherever they stand."""
        for secret in secrets:
            if secret in text:
                text = text.replace(secret, MASK)
        for hint, pattern, stand_in in _SHAPES:
            if hint in text:
                text = pattern.sub(stand_in, text)
        lowered = text.lower()
        for hint, pattern in _SCHEMES:
            if hint in lowered:
                text = pattern.sub(rf"\1{MASK}", text)
        if ("=" in text or ":" in text) and _has_one(lowered, self._names.hints):
            text = self._names.assignment.sub(self._assigned, text)
        if _has_one(text, _PROVIDER_HINTS):
            text = _PROVIDERS.sub(MASK, text)
        text = _CARD.sub(_card, text)
        for pattern in self._own:
            text = pattern.sub(MASK, text)
        return text

    def secrets_of(self, value: object) -> tuple[str, ...]:
        """The texts that are secret by name in a value, the longest first: to mask them where they stand without it."""
        found: set[str] = set()
        self._collect(value, found, 0, secret=False)
        return tuple(sorted(found, key=len, reverse=True))

    def _redacted(self, value: object, depth: int) -> object:
        if isinstance(value, str):
            return self.redact_text(value)
        if value is None or isinstance(value, int | float):  # most are, and it is dear to ask what is a mapping
            return self._plain(value)
        if isinstance(value, Mapping | list | tuple | set | frozenset):
            return MASK if depth >= DEEPEST else self._container(value, depth)
        return self._plain(value)

    def _container(self, value: Any, depth: int) -> object:
        if isinstance(value, Mapping):
            return {self._key(key): self._item(key, item, depth) for key, item in value.items()}
        if isinstance(value, set | frozenset):
            return type(value)(self._redacted(item, depth + 1) for item in value)
        if len(value) == 2 and isinstance(value[0], str):  # a name and a value, as headers are written
            items = [self._key(value[0]), self._item(value[0], value[1], depth)]
        else:
            items = [self._redacted(item, depth + 1) for item in value]
        return items if isinstance(value, list) else tuple(items)

    def _plain(self, value: object) -> object:
        if isinstance(value, bytes):
            text = value.decode("utf-8", "backslashreplace")
            masked = self.redact_text(text)
            return value if masked == text else masked
        if isinstance(value, int) and not isinstance(value, bool) and value > 10**12:
            return MASK if _is_card(str(value)) else value
        return value

    def _key(self, key: object) -> object:
        return self.redact_text(key) if isinstance(key, str) else key

    def _item(self, key: object, value: object, depth: int) -> object:
        if isinstance(key, str) and self.is_secret(key) and not _keeps(key, value):
            return MASK
        return self._redacted(value, depth + 1)

    def _assigned(self, found: "re.Match[str]") -> str:
        name, sign, value, call = found.groups()
        if call or value in _NOTHING or _keeps(name, value) or not self.is_secret(name):
            return found.group()
        quote = next((mark for mark in ('\\"', '"', "'") if value.endswith(mark) and len(value) > len(mark)), "")
        return f"{name}{sign}{quote}{MASK}{quote}"

    def _collect(self, value: object, found: set[str], depth: int, *, secret: bool) -> None:
        if isinstance(value, str):
            if secret and len(value) >= _SHORTEST_KNOWN:
                found.add(value)
        elif depth >= DEEPEST:
            return
        elif isinstance(value, Mapping):
            for key, item in value.items():
                self._collect(item, found, depth + 1, secret=secret or (isinstance(key, str) and self.is_secret(key)))
        elif isinstance(value, list | tuple | set | frozenset):
            pair = isinstance(value, list | tuple) and len(value) == 2 and isinstance(value[0], str)
            hidden = secret or (pair and self.is_secret(str(next(iter(value)))))
            for number, item in enumerate(value):
                self._collect(item, found, depth + 1, secret=hidden and not (pair and number == 0 and not secret))


@dataclass(frozen=True, slots=True)
class _Names:
    """The names of secrets: as words, and as the pattern of an assignment in a text."""

    squashed: tuple[str, ...]
    words: tuple[tuple[str, ...], ...]
    assignment: "re.Pattern[str]"
    hints: tuple[str, ...]
    known: dict[str, bool] = field(default_factory=dict, compare=False)
    """What was found of the keys that were asked last: the same few come with every job."""

    def match(self, key: str) -> bool:
        key = key[:_LONGEST_KEY]
        found = self.known.get(key)
        if found is None:
            if len(self.known) >= _MOST_KEYS:
                self.known.clear()
            found = self.known[key] = _match(self, key)
        return found


def _match(names: _Names, key: str) -> bool:
    low = _SQUASH.sub("", key.lower())
    if any(low.endswith((name, f"{name}s")) or (len(name) >= _LONG_NAME and name in low) for name in names.squashed):
        return not low.endswith(("pin", "otp", "pins", "otps")) or bool(_by_words(names, key))
    return _by_words(names, key)


def _by_words(names: _Names, key: str) -> bool:
    words = tuple(word.lower() for word in _WORDS.findall(key))
    for wanted in names.words:
        for start in range(len(words) - len(wanted) + 1):
            if words[start : start + len(wanted)] == wanted:
                return True
    return False


@cache
def _names(more: tuple[str, ...]) -> _Names:
    dropped = {_SQUASH.sub("", name[1:].lower()) for name in more if name.startswith("-")}
    chosen = [name for name in (*KEYS, *(name for name in more if not name.startswith("-")))]
    chosen = [name for name in chosen if _SQUASH.sub("", name.lower()) not in dropped]
    squashed = tuple(dict.fromkeys(_SQUASH.sub("", name.lower()) for name in chosen))
    words = tuple(dict.fromkeys(tuple(word.lower() for word in _WORDS.findall(name)) for name in chosen))
    spelled = {"[_.-]?".join(map(re.escape, one)) for one in words if one} or {"(?!)"}
    short = sorted((one for one in spelled if len(_SQUASH.sub("", one)) <= 3), key=len, reverse=True)
    long = sorted(spelled - set(short), key=len, reverse=True)
    alternatives = [f"(?<![a-z0-9])(?:{'|'.join(short)})(?![a-z])"] if short else []
    alternatives += [f"(?:{'|'.join(long)})"] if long else []
    assignment = re.compile(
        rf"(?i)((?:{'|'.join(alternatives)})[\w-]{{0,24}})(\\?[\"']?\]?\s{{0,3}}(?:=>|:=|==|[:=])\s{{0,3}})"
        r"((?:(?:bearer|basic|digest|token|negotiate)\s{1,3})?(?:[brfu]{0,2}\"(?:[^\"\\\n]|\\.)*\"|[brfu]{0,2}'(?:[^'\\\n]|\\.)*'"
        r"|\\\"(?:[^\"\\\n]|\\[^\"])*\\\"|[^\s,;&(){}\[\]\"'<>\\]+))(\(?)"
    )
    return _Names(squashed, words, assignment, tuple(one[0][:6] for one in words if one))


def _has_one(text: str, hints: Iterable[str]) -> bool:
    """Whether a text has one of these: as a plain loop, because every log line comes here."""
    for hint in hints:  # noqa: SIM110 - any() takes twice the time
        if hint in text:
            return True
    return False


def _keeps(key: str, value: object) -> bool:
    """Whether the value of a secret's name shows nothing: none at all, yes or no, or how many (max_tokens=512)."""
    if value is None or isinstance(value, bool) or value in ("", MASK):
        return True
    counts = key.lower().endswith(("tokens", "count", "_length", "_size", "_limit"))
    return counts and (
        isinstance(value, int | float) or (isinstance(value, str) and _NUMBER.fullmatch(value) is not None)
    )


def _card(found: "re.Match[str]") -> str:
    return MASK if _is_card(found.group()) else found.group()


def _is_card(text: str) -> bool:
    """Whether digits have a payment card's length and check digit (ISO/IEC 7812)."""
    digits = [int(one) for one in text if one.isdecimal()]
    if len(digits) not in _CARD_LENGTHS.get(text[0], ()):
        return False
    doubled = [sum(divmod(2 * one, 10)) for one in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


_SHAPES = (
    ("-----BEGIN", _PRIVATE_KEY, MASK),
    ("eyJ", _JWT, MASK),
    ("://", _CREDENTIALS, rf"\1{MASK}"),
    ("://", _TOKEN_USER, rf"\1{MASK}"),
)
"""What a secret looks like, behind what it must contain: most texts hold none of it."""
_SCHEMES = (("bearer", _BEARER), ("basic", _BASIC), ("cookie", _COOKIES))
"""The same in any case of letters, with what stays before it."""
