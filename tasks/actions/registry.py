"""Every action, by name: what an operator can do, with its permission, its preview and its undo."""

from storage.errors import Refused
from tasks.actions import canaries, holding, launching, on_groups, on_jobs, setting, undoing
from tasks.actions.tools import Action, Undo

_KNOWN = {
    action.name: action
    for action in (
        *launching.ACTIONS,
        *on_jobs.ACTIONS,
        *canaries.ACTIONS,
        *setting.ACTIONS,
        *holding.ACTIONS,
        *on_groups.ACTIONS,
    )
}
ACTIONS: dict[str, Action] = {**_KNOWN, "undo": undoing.action(_KNOWN)}


def find(name: str) -> Action:
    """The action of that name. Raises Refused."""
    if name not in ACTIONS:
        raise Refused(f"there is no action {name!r}; there are {', '.join(ACTIONS)}")
    return ACTIONS[name]


def undoes_it(name: str, count: int) -> str:
    """What is said of undoing that action, done to so many things, after the key or the words that do it."""
    action = ACTIONS.get(name)
    if action is None or not isinstance(action.undo, Undo) or not action.undo.while_waiting:
        return "undoes it"
    return "undoes it while it waits" if count == 1 else "undoes it while they wait"
