"""The command palette: every action that has a key, also those that can not be done now, last and with the reason."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from console import bindings

NOT_NOW: Final = "Not now: "
LESS: Final = 0.8
"""How much less what can not be done now counts in a search."""


class ActionCommands(Provider):
    """Offers the actions of the screen under the palette, and the application's own."""

    def _actions(self) -> list[tuple[str, str, Callable[[], Any]]]:
        app = self.app
        entries: dict[str, tuple[str, str, Callable[[], Any]]] = {}
        impossible: set[str] = set()
        for active in self.screen.active_bindings.values():
            key = bindings.BY_ID.get(active.binding.id or "")
            if key is None or key.id in entries or key.id.startswith(("move.", "scroll.", "palette", "quit.")):
                continue
            why_not = getattr(active.node, "why_not", None)
            reason = why_not(active.binding.action.partition("(")[0]) if why_not and not active.enabled else ""
            keys = app.get_key_display(active.binding)
            if reason:
                impossible.add(key.id)
                text = f"{NOT_NOW}{reason}"
                run: Callable[[], Any] = partial(app.notify, reason, severity="warning")
            else:
                text = key.tooltip
                run = partial(app.run_action, active.binding.action, active.node)
            entries[key.id] = (f"{key.said}  {keys}", text, run)
        for name, text, callback, _ in app.get_system_commands(self.screen):
            entries[name] = (name, text, callback)
        return [entries[key] for key in sorted(entries, key=lambda one: (one in impossible, bindings.rank(one)))]

    async def discover(self) -> Hits:
        """Yield all of them."""
        for name, text, run in self._actions():
            yield DiscoveryHit(Content(name), run, text=name, help=text)

    async def search(self, query: str) -> Hits:
        """Yield those that match."""
        matcher = self.matcher(query)
        for name, text, run in self._actions():
            score = matcher.match(f"{name} {text}")
            if score > 0:  # what can not be done now is found too, below what can
                weight = LESS if text.startswith(NOT_NOW) else 1.0
                yield Hit(score * weight, Content(name), run, text=name, help=text)
