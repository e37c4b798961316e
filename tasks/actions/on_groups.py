"""Actions on groups of failures: mute, resolve, and take that back."""

from tasks.actions.tools import Action

ACTIONS: tuple[Action, ...] = ()
