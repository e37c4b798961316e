"""How values are changed: they are frozen, so a copy with other fields is made.

Values are msgspec's structs. A class of them takes a fortieth of the time that a frozen dataclass takes to be made, and
before a command answers hundreds are.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import replace  # the same for who checks types, who looks at the names and types of fields here
else:
    from msgspec.structs import replace

__all__ = ["replace"]
