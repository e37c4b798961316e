"""Every action, by name: what an operator can do, with its permission, its preview and its undo."""

from storage.errors import Refused
from tasks.actions import canaries, holding, launching, on_groups, on_jobs, setting, undoing
from tasks.actions.tools import Action

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
