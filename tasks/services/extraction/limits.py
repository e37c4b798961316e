"""How much one document may cost before it is refused."""

from msgspec import Struct

MIB = 2**20


class Limits(Struct, frozen=True):
    """What is refused as too large; memory, CPU and wall time hold for the child that opens the document."""

    file_bytes: int = 50 * MIB
    pages: int = 5_000
    characters: int = 20_000_000
    pixels: int = 120_000_000
    memory_bytes: int = 1024 * MIB
    cpu_s: float = 110
    wall_s: float = 120
