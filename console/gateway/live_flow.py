"""The part of the live gateway that knows flows."""

from typing import Final

from console.gateway.flow import FlowLine, flow_lines
from console.gateway.live_part import LivePart
from console.gateway.reading import translated
from storage.errors import JobMissing

HIGHEST: Final = 30
"""How far up a flow is followed to find its root."""


class LiveFlow(LivePart):
    """Trees of jobs that wait for each other."""

    def flow(self, key: str) -> tuple[FlowLine, ...]:
        """Return the whole flow that a job is part of, from its root."""
        with translated():
            root = self._inspector.flow(key)
            for _ in range(HIGHEST):
                if not root.waits_for_it:
                    break
                try:
                    root = self._inspector.flow(root.waits_for_it)
                except JobMissing:  # the one above is forgotten already
                    break
        return flow_lines(root, key)
