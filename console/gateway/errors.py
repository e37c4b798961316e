"""What a gateway says instead of an answer.

::

    GatewayError
    ├── GatewayUnavailable   nobody answered: the last data stays, and the console tries again
    └── GatewayRefused       the answer is no, and why: trying again will not help
"""

from textual.content import Content

from console.formats import safe_text


class GatewayError(Exception):
    """Root of this tree. The message may hold data; draw `sentence`, never the message."""

    @property
    def sentence(self) -> Content:
        """The message as one safe line."""
        return safe_text(self, limit=500)


class GatewayUnavailable(GatewayError):
    """The backend did not answer, or not in time; trying again may help."""


class GatewayRefused(GatewayError):
    """The backend answered no; the message is a sentence for the operator."""
