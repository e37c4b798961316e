"""Every key of the console, in one table. Screens and widgets take theirs from here; help and palette read it.

An ``id`` may stand in a keymap (`App.set_keymap`) to give its action other keys. The order is that of the key bar.
Uppercase is stronger than lowercase; no ``ctrl+letter`` destroys anything.
"""

import difflib
from collections.abc import Mapping
from typing import Final, Literal

from msgspec import Struct
from textual.binding import Binding, BindingType

from storage.errors import SettingsError

Place = Literal[
    "app",
    "screen",
    "queues",
    "jobs",
    "job",
    "logs",
    "table",
    "log view",
    "pick",
    "form",
    "dialog",
    "help",
    "workers",
    "schedules",
    "action",
    "audit",
    "entry",
    "canaries",
    "failures",
    "travel",
    "overview",
    "files",
    "file",
    "filter bar",
    "command line",
]


class Key(Struct, frozen=True):
    """One entry: which keys do what, where. ``shown`` puts it into the key bar; ``priority`` lets no field take it.

    ``acts`` are the actions of the layer that it leads to: it is dimmed until writing is armed.
    """

    id: str
    keys: str
    action: str
    description: str
    tooltip: str
    places: tuple[Place, ...]
    shown: bool = True
    priority: bool = False
    acts: tuple[str, ...] = ()

    @property
    def said(self) -> str:
        """What it does, with what it does it to, where the table says more than a word."""
        words = SAID.get(self.id, self.description)
        return words[:1].upper() + words[1:]

    def binding(self) -> Binding:
        """Return it as the toolkit wants it."""
        return Binding(
            self.keys,
            self.action,
            self.description,
            show=self.shown,
            tooltip=self.tooltip,
            id=self.id,
            priority=self.priority,
        )


SAID: Final[Mapping[str, str]] = {
    "open.queue": "Open the jobs of this queue", "open.group": "Open the jobs of this group", "open.job": "Open this job",
    "open.run": "Open this running job", "open.runs": "Open the last runs", "open.file": "Open this file",
    "open.frames": "Open the frames, or the job of the flow", "open.line": "Open the job of this line",
    "open.entry": "Open this action", "open.item": "Open this job", "back": "Go back one step",
    "search": "Search passages", "filter": "Filter jobs", "filter.lines": "Filter lines", "filter.actions": "Filter actions",
    "requeue": "Requeue the chosen jobs", "requeue.edited": "Requeue this job with other arguments",
    "canary": "Requeue carefully: a canary", "cancel": "Cancel the chosen jobs", "discard": "Discard the chosen jobs",
    "promote": "Run this job now", "priority": "Change the priority", "pause": "Pause or resume this queue",
    "limit": "Limit this queue", "purge": "Purge this queue", "quiet": "Quiet this consumer, or let it go on",
    "stop": "Stop this consumer", "run.now": "Run this schedule now", "pause.schedule": "Pause or resume this schedule",
    "undo.entry": "Undo this action", "canary.pause": "Pause this canary, or let it go on", "canary.abort": "End this canary",
    "mute": "Mute this group", "resolve": "Resolve this group", "reopen": "Open this group again", "mark": "Mark this row",
    "mark.range": "Mark a range", "mark.all": "Mark all that match", "log": "Show its log", "why": "Why is it not running?",
    "follow": "Follow the log", "wrap": "Wrap long lines", "copy": "Copy the id or name", "export": "Export to a file",
    "copy.command": "Copy the command line", "trigger": "Trigger a task", "undo": "Undo my last action",
    "canaries": "Go to canaries", "write": "Arm or disarm writing", "time": "Write times in another way",
    "help": "Help on these keys", "command": "Go to a place by its name",
    **{f"screen.{name}": f"Go to {name}" for name in
       ("overview", "queues", "jobs", "failures", "schedules", "workers", "logs", "files", "audit")},
}  # fmt: skip
"""What the palette calls an action, by its id: a verb and what it is done to."""

# ruff: noqa: E501  # a table reads best with a row per line
KEYS: Final[tuple[Key, ...]] = (
    # In the place, what is done most often first.
    Key("open.queue", "enter", "open", "open", "Show the jobs of this queue.", ("queues", "overview")),
    Key("open.group", "enter", "open", "open", "Show the jobs that failed of this.", ("failures",)),
    Key("open.job", "enter", "open", "open", "Show this job: summary, log, attempts.", ("jobs",)),
    Key("open.run", "enter", "open", "open", "Show the running job under the cursor.", ("workers",)),
    Key("open.runs", "enter", "open", "runs", "Go to the last runs of this schedule; there, show the job of one.", ("schedules",)),
    Key("open.file", "enter", "open", "open", "Show the passages of this file, or this passage in its file.", ("files",)),
    Key("open.frames", "enter", "open", "open", "Open or fold the libraries' frames of tracebacks; in a flow, open the job.", ("job",)),
    Key("open.line", "enter", "open", "open", "Show the job of the line under the cursor, with its log.", ("logs",)),
    Key("open.entry", "enter", "open", "open", "Show this action with what it was done to.", ("audit",)),
    Key("open.item", "enter", "open", "open", "Show the job that this action was done to.", ("entry",)),
    Key("pick.task", "enter", "pick", "pick", "Fill in the form of this task.", ("pick",), priority=True),
    Key("back", "escape", "back", "back", "Undo the last step: range, marks, filter, screen. Never quits.", ("screen",)),
    Key("search", "slash", "search", "search", "Find the stored passages nearest to a text.", ("files",)),
    Key("filter", "slash", "filter", "filter", "Show only some: state:dead queue:email err:Timeout last:1h -invoice.", ("jobs",)),
    Key("filter.lines", "slash", "filter", "filter", "Show only some lines: level:>=WARNING queue:email task:ingest timeout.", ("logs",)),
    Key("filter.actions", "slash", "filter", "filter", "Show only some actions: actor:ada outcome:refused item:3f2a last:24h purge.", ("audit",)),
    Key("complete", "tab", "complete(1)", "complete", "Take what can stand here; again, the next that can.", ("filter bar",), shown=False),
    Key("complete.back", "shift+tab", "complete(-1)", "complete back", "Take what can stand here, from the last on.", ("filter bar",), shown=False),
    Key("requeue", "r", "requeue", "requeue", "Put the marked jobs, this one, or a whole group back into their queues; asks first.", ("jobs", "job", "failures"), acts=("requeue",)),
    Key("pause", "p", "pause", "pause", "Let no worker start a job of this queue, with a reason; or resume it.", ("queues",), acts=("pause", "resume")),
    Key("quiet", "p", "quiet", "quiet", "Let this consumer claim nothing more, or let it go on; asks first.", ("workers",), acts=("quiet", "wake")),
    Key("stop", "S", "stop", "stop", "Let this consumer end when its jobs have; asks first.", ("workers",), acts=("stop",)),
    Key("undo.entry", "u", "undo_entry", "undo this", "Undo this action, whoever did it, as far as it has not gone on; put this job of the trash back; asks first.", ("audit", "entry"), acts=("undo", "restore")),
    Key("canary.pause", "p", "canary_pause", "pause", "Pause this canary, or let it go on; asks first.", ("canaries",), acts=("canary-pause", "canary-resume")),
    Key("canary.abort", "x", "canary_abort", "end", "End this canary: what it has not requeued stays as it is. Asks first.", ("canaries",), acts=("canary-abort",)),
    Key("requeue.edited", "R", "requeue_edited", "edit", "Launch this job again with other arguments, in a form.", ("jobs", "job"), acts=("edit",)),
    Key("canary", "c", "canary", "canary", "Requeue the chosen jobs carefully: one, then ten, then the rest at a rate; asks first.", ("jobs", "failures"), acts=("canary",)),
    Key("cancel", "x", "cancel", "cancel", "Call the marked jobs, or this one, off; asks first.", ("jobs", "job"), acts=("cancel",)),
    Key("discard", "d", "discard", "discard", "Throw the marked jobs, this one, or a whole group into the trash; asks first.", ("jobs", "job", "failures"), acts=("discard",)),
    Key("mute", "m", "mute", "mute", "Say that this is known and nobody needs to look, with a reason.", ("failures",), acts=("mute",)),
    Key("resolve", "M", "resolve", "resolve", "Say that its cause is gone, with a note; when it fails again, it shows as regressed.", ("failures",), acts=("resolve",)),
    Key("reopen", "o", "reopen", "reopen", "Take back what was said of this group; asks first.", ("failures",), shown=False, acts=("reopen",)),
    Key("open.sample", "s", "open_sample", "last job", "Show the job that failed last of this, with its traceback.", ("failures",)),
    Key("promote", "o", "promote", "due now", "Let scheduled and retrying jobs run now; asks first.", ("jobs", "job"), shown=False, acts=("promote",)),
    Key("priority", "P", "priority", "priority", "Give jobs that wait another priority; asks first.", ("jobs", "job"), shown=False, acts=("priority",)),
    Key("reveal", "u", "reveal", "reveal", "Show what is masked in this job's arguments and result; it is kept in the audit.", ("job",), shown=False, acts=("reveal",)),
    Key("limit", "L", "limit", "limit", "Limit the starts and the length of this queue, or lift its limits; asks first.", ("queues",), acts=("limit",)),
    Key("purge", "D", "purge", "purge", "Throw the waiting jobs of this queue into the trash; asks for its name.", ("queues",), shown=False, acts=("purge",)),
    Key("run.now", "r", "run_now", "run now", "Launch one job of this schedule outside of its ticks; asks first.", ("schedules",), acts=("run",)),
    Key("pause.schedule", "p", "pause", "pause", "Let this schedule enqueue nothing until an instant; or resume it. Asks first.", ("schedules",), acts=("pause-schedule", "resume-schedule")),
    Key("mark", "space", "mark", "mark", "Mark this job, or take its mark away, and go on to the next.", ("jobs",)),
    Key("log", "l", "log", "log", "Show what this job logs, while it runs.", ("jobs", "job", "workers")),
    Key("why", "i", "why", "why?", "Say what keeps this job from running, and what helps.", ("jobs", "job")),
    Key("follow", "f", "follow", "follow", "Stay at the newest line; scrolling up lets go.", ("job", "logs")),
    Key("wrap", "w", "wrap", "wrap", "Break long lines, or let them run out of sight.", ("job", "logs")),
    Key("tab.next", "right_square_bracket", "tab(1)", "next tab", "Go to the next tab, state, status or page.", ("job", "jobs", "audit", "files", "file", "failures")),
    Key("tab.previous", "left_square_bracket", "tab(-1)", "previous tab", "Go to the tab, state, status or page before.", ("job", "jobs", "audit", "files", "file", "failures"), shown=False),
    Key("mark.range", "v", "mark_range", "range", "Begin a range here; v again marks it, esc gives it up.", ("jobs",)),
    Key("mark.all", "a", "mark_all", "all", "Mark every job that matches the filter (the first 10,000).", ("jobs",)),
    Key("match.next", "n", "match(1)", "next match", "Go to the next row in which a word of the filter stands.", ("jobs", "logs", "audit"), shown=False),
    Key("match.previous", "N", "match(-1)", "match before", "Go to the row before in which a word of the filter stands.", ("jobs", "logs", "audit"), shown=False),
    Key("copy", "y", "copy", "copy", "Copy the id, or the queue's name, to the clipboard.", ("queues", "jobs", "job", "logs", "workers", "schedules", "audit", "entry", "canaries", "overview", "files", "file", "failures")),
    Key("export", "e", "export", "export", "Write what is listed or marked to a file: JSON, NDJSON, CSV, or this screen as a picture.", ("jobs", "job", "logs", "audit", "queues", "failures", "workers", "schedules"), shown=False),
    Key("copy.command", "Y", "copy_command", "copy command", "Copy the command line that shows this.", ("queues", "jobs", "job", "logs", "workers", "schedules", "audit", "entry", "canaries", "overview", "files", "failures"), shown=False),
    Key("form.send", "ctrl+s", "send", "send", "Check the form, show what would be sent, and ask.", ("form",), acts=("trigger", "edit")),
    Key("form.last", "ctrl+l", "last", "as last time", "Fill in the arguments of this task's last success.", ("form",)),
    Key("action.down", "down,pagedown", "body(3)", "down", "Scroll down in what is said.", ("action",), shown=False),
    Key("action.up", "up,pageup", "body(-3)", "up", "Scroll up in what is said.", ("action",), shown=False),
    Key("action.copy", "y", "copy_action", "copy command", "Copy the command line that does this.", ("action",)),
    Key("dialog.left", "left", "focus_left", "left", "Go to the button before.", ("dialog",), shown=False),
    Key("dialog.right", "right", "focus_right", "right", "Go to the next button.", ("dialog",), shown=False),
    Key("dialog.cancel", "escape", "cancel", "cancel", "Close this and do nothing.", ("dialog",)),
    Key("help.close", "escape,question_mark,q", "close", "close", "Close the help.", ("help",)),
    Key("help.down", "j,down", "down", "down", "Say what the next key does.", ("help",), shown=False),
    Key("help.up", "k,up", "up", "up", "Say what the key before does.", ("help",), shown=False),
    Key("past.minute", "comma", "step(-1)", "minute back", "Look at how it was a minute before; esc goes to now.", ("travel", "screen"), shown=False),
    Key("past.minute.on", "full_stop", "step(1)", "minute on", "Look a minute on from the past; the last step is now.", ("travel", "screen"), shown=False),
    Key("past.hour", "less_than_sign", "step(-60)", "hour back", "Look at how it was an hour before; esc goes to now.", ("travel", "screen"), shown=False),
    Key("past.hour.on", "greater_than_sign", "step(60)", "hour on", "Look an hour on from the past; the last step is now.", ("travel", "screen"), shown=False),
    # Everywhere.
    Key("command", "colon", "command", "command", "Go to a place by its name: queue email, job 3f2a, jobs err:Timeout.", ("screen",), shown=False),
    Key("command.leave", "escape", "leave", "leave", "Leave the line and stay here.", ("command line",)),
    Key("trigger", "t", "trigger", "trigger", "Pick a task, fill in its form, and enqueue a job.", ("screen",)),
    Key("undo", "z", "undo", "undo", "Undo your last action, as far as it has not gone on; asks first.", ("screen",), shown=False, acts=("undo",)),
    Key("canaries", "C", "canaries", "canaries", "Show the canary requeues: pause, go on, end.", ("screen",), shown=False),
    Key("write", "W", "write_mode", "write", "Arm writing for 15 minutes, with a reason; or disarm it.", ("screen",)),
    Key("screen.overview", "1", "go('overview')", "overview", "What is wrong, how it goes, and every queue.", ("app",), shown=False),
    Key("screen.queues", "2", "go('queues')", "queues", "Every queue at a glance.", ("app",), shown=False),
    Key("screen.jobs", "3", "go('jobs')", "jobs", "All jobs of all queues and states.", ("app",), shown=False),
    Key("screen.failures", "4", "go('failures')", "failures", "Failed jobs by what broke; act on all of one cause.", ("app",), shown=False),
    Key("screen.schedules", "5", "go('schedules')", "schedules", "What runs by the clock: next ticks, last runs.", ("app",), shown=False),
    Key("screen.workers", "6", "go('workers')", "workers", "Every consumer, and what it runs.", ("app",), shown=False),
    Key("screen.logs", "7", "go('logs')", "logs", "The tail of everything.", ("app",), shown=False),
    Key("screen.files", "8", "go('files')", "files", "Ingested files, their passages, and a search.", ("app",), shown=False),
    Key("screen.audit", "9", "go('audit')", "audit", "Who did what to what, when and why; the trash; undo.", ("app",), shown=False),
    Key("time", "T", "time_mode", "time", "Write instants in UTC, in local time, or as how long ago.", ("app",), shown=False),
    Key("palette", "ctrl+p", "command_palette", "palette", "Find any action by its name.", ("app",), shown=False, priority=True),
    Key("help", "question_mark,f1", "help", "help", "What the keys do here.", ("app",)),
    Key("quit", "ctrl+q", "quit", "quit", "Leave the console. Nothing stops: jobs go on.", ("app",), shown=False, priority=True),
    Key("quit.hint", "ctrl+c", "help_quit", "how to quit", "Say which key leaves the console.", ("app",), shown=False),
    # Moving.
    Key("move.down", "j,down", "move(1)", "down", "Go to the next row.", ("table",), shown=False),
    Key("move.up", "k,up", "move(-1)", "up", "Go to the row before.", ("table",), shown=False),
    Key("move.top", "g,home", "top", "first", "Go to the first row.", ("table",), shown=False),
    Key("move.bottom", "G,end", "bottom", "last", "Go to the last row.", ("table",), shown=False),
    Key("move.page_down", "pagedown,ctrl+f", "page(1)", "page down", "Go down one page.", ("table",), shown=False),
    Key("move.page_up", "pageup,ctrl+b", "page(-1)", "page up", "Go up one page.", ("table",), shown=False),
    Key("scroll.down", "j,down", "scroll_lines(1)", "down", "Scroll down one line.", ("log view",), shown=False),
    Key("scroll.up", "k,up", "scroll_lines(-1)", "up", "Scroll up one line.", ("log view",), shown=False),
    Key("scroll.top", "g,home", "top", "begin", "Go to the oldest line.", ("log view",), shown=False),
    Key("scroll.bottom", "G,end", "bottom", "end", "Go to the newest line.", ("log view",), shown=False),
    Key("scroll.page_down", "pagedown,ctrl+f", "pages(1)", "page down", "Scroll down one page.", ("log view",), shown=False),
    Key("scroll.page_up", "pageup,ctrl+b", "pages(-1)", "page up", "Scroll up one page.", ("log view",), shown=False),
    Key("scroll.right", "right", "sideways(8)", "right", "Scroll to the right.", ("log view",), shown=False),
    Key("scroll.left", "left", "sideways(-8)", "left", "Scroll to the left.", ("log view",), shown=False),
    Key("pick.down", "down", "move(1)", "down", "Go to the next task.", ("pick",), shown=False, priority=True),
    Key("pick.up", "up", "move(-1)", "up", "Go to the task before.", ("pick",), shown=False, priority=True),
)  # fmt: skip


def _verb(key: Key) -> str:
    """Return a key's action without its parameters."""
    return key.action.partition("(")[0]


BY_ID: Final[Mapping[str, Key]] = {key.id: key for key in KEYS}


_WRITING: Final[Mapping[str, frozenset[Place]]] = {
    action: frozenset(place for key in KEYS if key.acts and _verb(key) == action for place in key.places)
    for action in {_verb(key) for key in KEYS}
}
"""The places of each action's keys that change something."""


def of(*places: Place) -> list[BindingType]:
    """Return the bindings of some places, in the table's order."""
    return [key.binding() for key in KEYS if set(places) & set(key.places)]


ELSEWHERE: Final[Mapping[str, str]] = {
    "release": "dewey release: i on a job says who holds its unique key, and locks are listed nowhere",
}
"""Actions of the layer that no key leads to, and where they are instead."""


def writes(action: str, place: Place) -> bool:
    """Return whether an action of a place, or of every screen, changes something."""
    return not _WRITING.get(action, frozenset()).isdisjoint((place, "screen", "app"))


def checked(keys: Mapping[str, str], where: str) -> Mapping[str, str]:
    """Return an operator's own keys, by id, once each of them is known to exist.

    Raises:
        SettingsError: an id is not in the table, or its keys are empty; the message names it.
    """
    for name, pressed in keys.items():
        if name not in BY_ID:
            close = difflib.get_close_matches(name, list(BY_ID), 1)
            meant = f"; did you mean {close[0]}?" if close else f"; there is {', '.join(BY_ID)}"
            raise SettingsError(f"{where}: keys.{name} is not known{meant}")
        if not all(part.strip() for part in pressed.split(",")):
            raise SettingsError(f"{where}: keys.{name} is {pressed!r}: expected keys such as 'r' or 'ctrl+r,f5'")
    return keys


def rank(binding_id: str | None) -> int:
    """Return the place of a binding in the table; foreign ones come last."""
    for index, key in enumerate(KEYS):
        if key.id == binding_id:
            return index
    return len(KEYS)
