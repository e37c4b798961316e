"""How actions are called in dialogs and in what is said after them: one row for each action of the layer."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from console.formats import safe_text
from console.gateway.acting import Done, Look
from console.gateway.limits import limit_words
from storage.values import replace
from storage.wording import SHORT_ID, plural, short_id, short_name
from tasks.actions.setting import limits_of


class Words(Struct, frozen=True):
    """``does`` names the button; ``done`` follows "3 jobs" or "Queue email"; ``not_done`` follows the name of what it
    was not done to."""

    does: str
    done: str
    not_done: str = "not done"


WORDS: Final[dict[str, Words]] = {
    "trigger": Words("Trigger", "triggered", "not triggered"),
    "edit": Words("Requeue edited", "launched again with edited arguments", "not launched"),
    "run": Words("Run now", "runs now", "not run"),
    "requeue": Words("Requeue", "requeued", "not requeued"),
    "cancel": Words("Call off", "canceled", "not canceled"),
    "discard": Words("Discard", "in the trash", "not discarded"),
    "purge": Words("Purge", "in the trash", "not discarded"),
    "restore": Words("Restore", "restored", "not restored"),
    "promote": Words("Run now", "in line now", "not promoted"),
    "priority": Words("Change priority of", "with another priority", "not changed"),
    "canary": Words("Canary requeue", "in the canary's line", "not in it"),
    "canary-pause": Words("Pause", "is paused", "not paused"),
    "canary-resume": Words("Let go on", "goes on", "does not go on"),
    "canary-abort": Words("End", "is ended", "not ended"),
    "pause": Words("Pause", "is paused", "not paused"),
    "resume": Words("Resume", "goes on", "not resumed"),
    "limit": Words("Limit", "has other limits", "not limited"),
    "pause-schedule": Words("Pause", "is paused", "not paused"),
    "resume-schedule": Words("Resume", "ticks again", "not resumed"),
    "quiet": Words("Quiet", "is told to claim nothing more; it hears with its next heartbeat", "not told"),
    "wake": Words("Let go on", "is told to go on; it hears with its next heartbeat", "not told"),
    "stop": Words("Stop", "is told to stop; it hears with its next heartbeat", "not told"),
    "release": Words("Release", "is free", "not released"),
    "reveal": Words("Reveal", "shown", "not shown"),
    "mute": Words("Mute", "is muted", "not muted"),
    "unmute": Words("Unmute", "is not muted any more", "not changed"),
    "resolve": Words("Resolve", "is resolved", "not resolved"),
    "reopen": Words("Reopen", "is open again", "not changed"),
    "undo": Words("Undo", "undone", "not undone"),
}
NOUNS: Final[dict[str, str]] = {
    "job": "job",
    "queue": "queue",
    "consumer": "consumer",
    "schedule": "schedule",
    "task": "task",
    "group": "group",
    "canary": "canary",
    "key": "key",
    "audit": "thing",
}
ID_LENGTH: Final = 32
"""Letters of a random id; other ids speak."""
_COUNTED: Final = ("job", "audit")
"""Scopes whose things are counted; those of the others have names."""


def words_of(action: str) -> Words:
    """Return the words of an action, also of one that this table lacks."""
    return WORDS.get(action) or Words(action.replace("-", " ").capitalize(), "done")


def _noun(look: Look) -> str:
    return NOUNS.get(look.preview.scope, look.preview.scope)


def _named(look: Look, name: str) -> str:
    """What is drawn of the name of the one thing that it is done to."""
    if look.preview.scope in ("task", "schedule"):
        name = short_name(name)
    return safe_text(name[:SHORT_ID] if look.preview.scope == "canary" else name, limit=80).plain


def what(look: Look) -> str:
    """Return what an action would be done to: its name, or how many."""
    preview = look.preview
    if preview.scope not in _COUNTED and look.count == 1:
        name = _named(look, preview.subjects[0].id)
        return name if preview.scope == "task" else f"{_noun(look)} {name}"
    return plural(look.count, _noun(look), "canaries" if preview.scope == "canary" else "")


def title(look: Look, environment: str = "") -> str:
    """Return the question that the dialog asks; an environment that has a name is named in it."""
    if not look.count:
        return f"Nothing to {words_of(look.preview.action).does.lower()}"
    question = _question(look)
    return f"{question.removesuffix('?')} on {environment}?" if environment else question


def _question(look: Look) -> str:
    preview = look.preview
    if preview.action == "undo":
        return f"Undo action {safe_text(preview.request.subjects[0], 20).plain}?"
    if preview.action == "purge":
        return f"Purge {plural(look.count, 'job')} of queue {_named(look, preview.request.subjects[0])}?"
    if preview.action == "run":
        return f"Run {_named(look, preview.subjects[0].id)} now?"
    if preview.action == "edit":
        return f"Requeue {what(look)} with edited arguments?"
    if preview.action == "promote":
        return f"Run {what(look)} now?"
    return f"{words_of(preview.action).does} {what(look)}?"


def short(look: Look, name: str) -> str:
    """Return the name of a thing as dialogs write it: of a job, the beginning of its id."""
    is_id = look.preview.scope in _COUNTED and len(name) == ID_LENGTH and name.isalnum()
    return name[:SHORT_ID] if is_id else safe_text(name, limit=40).plain


def outcome(look: Look, done: Done, options: Mapping[str, object] | None = None) -> tuple[str, bool]:
    """Say what became of an action, and whether all of it was done; ``options`` are what its dialog was told."""
    preview, words = look.preview, words_of(look.preview.action)
    if preview.action == "limit":
        limits = limits_of(replace(preview.request, options={**preview.request.options, **(options or {})}))
        words = replace(words, done=f"has {limit_words(limits)}")
    parts = []
    if done.is_repeat:
        parts.append("It was done before:")
    if done.count and preview.action == "canary":
        parts.append(f"A canary requeues {plural(done.count, 'job')}, one by one at first; C shows it.")
    elif done.count:
        parts.append(f"{_done_to(look, done)} {words.done}.")
    if done.not_done:
        first = done.not_done[0]
        more = f" and {len(done.not_done) - 1:,} more" if len(done.not_done) > 1 else ""
        name = short_id(first.name.plain) if preview.scope in _COUNTED else first.name.plain
        parts.append(f"{name}{more} {words.not_done}: {first.why.plain}.")
    if done.unsaved:
        parts.append(f"{done.unsaved.plain}.")
    return " ".join(parts) or "Nothing was done.", not done.not_done and not done.unsaved


def _done_to(look: Look, done: Done) -> str:
    preview = look.preview
    if preview.action == "undo":
        return f"Action {safe_text(preview.request.subjects[0], 20).plain}: {plural(done.count, 'thing')}"
    if preview.scope not in _COUNTED and done.count == 1:
        name = _named(look, done.done_keys[0])
        return name if preview.scope == "task" else f"{_noun(look).capitalize()} {name}"
    return plural(done.count, _noun(look), "canaries" if preview.scope == "canary" else "")
