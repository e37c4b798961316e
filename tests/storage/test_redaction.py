"""Secrets are taken out by name and by look, wherever they stand, in linear time; what is none stays."""

import time

import pytest

from storage.redaction import KEYS, MASK, Redactor
from storage.slowness import slow

SECRET = "hunter2-canary"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\n-----END RSA PRIVATE KEY-----"
redactor = Redactor()


@pytest.mark.parametrize("name", KEYS)
def test_a_value_is_masked_by_its_name_however_that_is_written(name: str) -> None:
    words = name.split("_")
    spellings = [name, name.upper(), "-".join(words), "stripe_" + name, words[0] + "".join(map(str.title, words[1:]))]
    for spelling in spellings:
        assert redactor.redact_value({spelling: SECRET}) == {spelling: MASK}, spelling


def test_values_are_masked_at_any_depth_and_in_pairs_of_name_and_value() -> None:
    value = {"a": [{"b": ({"Password": SECRET}, 1)}], "headers": [["Authorization", SECRET], ["Accept", "text/html"]]}
    assert redactor.redact_value(value) == {
        "a": [{"b": ({"Password": MASK}, 1)}],
        "headers": [["Authorization", MASK], ["Accept", "text/html"]],
    }


def test_a_secret_name_hides_whatever_it_names() -> None:
    assert redactor.redact_value({"credentials": {"user": "ada", "key": SECRET}}) == {"credentials": MASK}
    assert redactor.redact_value({"pin": 1234, "tokens": [SECRET]}) == {"pin": MASK, "tokens": MASK}


@pytest.mark.parametrize(
    "value",
    [
        {"token": None, "password": "", "has_token": True},
        {"max_tokens": 512, "token_count": 3},
        {"spin": 3, "shipping": "fast", "secretary": "Bob", "tokenizer": "words", "author": "Ada", "keys": [1, 2]},
        {"at_ms": 1763780000000, "id": 1763780000000000, "number": 4111111111111112},
        {"text": "an ordinary line about order 1234: unexpected token ')' at basic tutorials of bearer bonds"},
        {"data": b"\x00\xff plain"},
    ],
)
def test_what_shows_nothing_stays(value: object) -> None:
    assert redactor.redact_value(value) == value


@pytest.mark.parametrize(
    "text",
    [
        f"password={SECRET}",
        f"login(user='ada', password='{SECRET}')",
        f"{{'api_key': '{SECRET}', 'a': 1}}",
        f'{{"api_key":"{SECRET}"}}',
        f'a log of JSON "{{\\"token\\": \\"{SECRET}\\"}}"',
        f"https://api.test/?token={SECRET}&page=2",
        f"Authorization: Bearer {SECRET}",
        f"Authorization: Basic {SECRET}",
        f"Bearer {SECRET}",
        f"Cookie: session={SECRET}; theme=dark",
        f"Set-Cookie: session={SECRET}",
        f"redis://:{SECRET}@host:6379/0",
        f"postgresql://ada:{SECRET}@host/shop",
        f"https://ada:{SECRET}@p@ss@host/",
        f"session_id: {SECRET}",
        f"AWS_SECRET_ACCESS_KEY={SECRET}",
    ],
)
def test_a_secret_in_a_text_is_masked(text: str) -> None:
    masked = redactor.redact_text(text)
    assert SECRET not in masked
    assert MASK in masked


@pytest.mark.parametrize(
    "secret",
    [
        TOKEN,
        PEM,
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "xoxb-123456789012-abcdefghij",
        "sk_live_4eC39HqLyjWDarjtT1",
        "4111 1111 1111 1111",
        "4111111111111111",
        "378282246310005",
    ],
)
def test_a_secret_is_known_by_its_look(secret: str) -> None:
    assert redactor.redact_text(f"before {secret} after") == f"before {MASK} after"
    assert redactor.redact_value(["x", [secret]]) == ["x", [MASK]]


def test_what_surrounds_a_secret_stays() -> None:
    assert redactor.redact_text(f"user=ada password={SECRET}, try 3") == f"user=ada password={MASK}, try 3"
    assert redactor.redact_text(f"redis://:{SECRET}@host:6379/0") == f"redis://:{MASK}@host:6379/0"
    assert redactor.redact_text("token = get_token()") == "token = get_token()"


def test_names_and_patterns_can_be_added_and_names_taken_away() -> None:
    own = Redactor(("patient", "-cookie"), (r"MRN-\d{6}",))
    assert own.redact_value({"patient": "Ada", "cookie": "oatmeal", "note": "see MRN-123456"}) == {
        "patient": MASK,
        "cookie": "oatmeal",
        "note": f"see {MASK}",
    }
    assert own.redact_text("patient=Ada") == f"patient={MASK}"


def test_positional_arguments_are_known_by_the_names_of_the_parameters() -> None:
    masked = redactor.redact_call(("ada", SECRET), {"retries": 2}, ("user", "password"))
    assert masked == (("ada", MASK), {"retries": 2})


def test_a_known_secret_is_masked_where_it_stands_without_its_name() -> None:
    secrets = redactor.secrets_of({"user": "ada", "login": {"password": SECRET}, "pin": "12"})
    assert secrets == (SECRET,)
    assert redactor.redact_text(f"no such login: {SECRET}", secrets) == f"no such login: {MASK}"


def test_a_value_deeper_than_anybody_reads_is_masked_whole() -> None:
    value: object = SECRET
    for _ in range(3_000):
        value = [value]
    assert SECRET not in str(redactor.redact_value(value))


@pytest.mark.parametrize(
    "piece",
    [
        *("a", "eyJ-", "://", "password", "password=", "bearer ", "-----BEGIN PRIVATE KEY-----", "4 ", "4", "cookie:"),
        *("token:'", 'token\\"', "a://b:", "-----BEGIN ", "sk-", "api", "Basic A", "x@", "a=b "),
    ],
)
def test_the_time_grows_with_the_length_and_not_faster(piece: str) -> None:
    short, long = (piece * (chars // len(piece)) for chars in (40_000, 320_000))

    def best_s(text: str) -> float:
        times = []
        for _ in range(3):
            start = time.process_time()
            redactor.redact_text(text)
            times.append(time.process_time() - start)
        return min(times)

    assert best_s(long) < 24 * best_s(short) + 0.05  # eight times as long; a square would be 64


@pytest.mark.parametrize("pattern", [r"(a+)+", r"(?:\d*)*x", r"(a|b*)+", r"(.)\1"])
def test_a_pattern_that_may_be_slow_is_told(pattern: str) -> None:
    assert slow(pattern)


@pytest.mark.parametrize("pattern", [r"MRN-\d{6}", r"(?:ab|cd)+", r"[A-Z]{3}-\d+", r"(?i)internal-[a-z]+"])
def test_a_plain_pattern_is_not_slow(pattern: str) -> None:
    assert not slow(pattern)
