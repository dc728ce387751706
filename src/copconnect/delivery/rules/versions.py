"""Versions by which clients know what need not be asked again. Pure."""


def info_version(info_number: int, muted_until_ms: int | None) -> str:
    """Return another value whenever a conversation may look different to one of its people: its
    people, admins, policy or state (``info_number``), or until when this person muted it."""
    muted = "" if muted_until_ms is None else muted_until_ms
    return f"{info_number}.{muted}"
