"""What PostgreSQL can keep of a Python string."""


def storable(text: str, *, longest: int | None = None) -> str:
    """The text without NULs and lone surrogates, which PostgreSQL can not keep; cut at ``longest``."""
    kept = text.replace("\0", "").encode("utf-8", "ignore").decode("utf-8")
    if longest is not None and len(kept) > longest:
        kept = kept[: longest - 1] + "…"
    return kept
