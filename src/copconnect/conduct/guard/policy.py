"""The policy of the guard: which classes are nudged or insisted on, where, for whom and when. Pure.

It also limits forwarding, for everybody and at all hours.

A file of JSON; ``docs/guard-model.md``, section Policy, describes it. The department signs it, and
``client/src/guard/policy.ts`` reads the same file.
"""

from collections.abc import Collection
from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta

Place = Literal["direct", "group", "large", "announcement"]
PLACES: tuple[Place, ...] = get_args(Place)

ClassName = Annotated[str, Meta(min_length=1, max_length=32)]
Hour = Annotated[int, Meta(ge=0, le=24)]


class Acts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Classes that are nudged or insisted on in one kind of place."""

    nudge: Annotated[list[ClassName], Meta(max_length=32)]
    insist: Annotated[list[ClassName], Meta(max_length=32)]


class Places(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every kind of place."""

    direct: Acts
    group: Acts
    large: Acts
    announcement: Acts


class Forwarding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of forwarding. Raises ValueError where ``often_chats`` is over ``chats``."""

    chats: Annotated[int, Meta(ge=0, le=50)]
    """A message is forwarded to at most so many conversations at once; 0: forwarding is off."""
    often: Annotated[int, Meta(ge=1, le=255)]
    """A message that was forwarded so many times is labelled, and ``often_chats`` limits it."""
    often_chats: Annotated[int, Meta(ge=0, le=50)]
    large: bool
    """Whether large groups take forwards."""
    announcement: bool
    """Whether announcement groups take forwards."""

    def __post_init__(self) -> None:
        """Check the fields against each other."""
        if self.often_chats > self.chats:
            raise ValueError("often_chats is over chats")


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A policy. ``hours``: from and to, by the device's clock; it acts on all days between them."""

    number: Annotated[int, Meta(ge=1, le=2**53 - 1)]
    large_from: Annotated[int, Meta(ge=2)]
    """Groups of at least so many members are large."""
    hours: tuple[Hour, Hour]
    exempt_ranks: Annotated[list[Annotated[str, Meta(max_length=32)]], Meta(max_length=64)]
    """Codes of ranks for whose holders the guard says nothing."""
    forwarding: Forwarding
    places: Places


def parse(text: str) -> Policy:
    """Return the policy of a file. Raises ValueError for a malformed one."""
    try:
        return msgspec.json.decode(text, type=Policy)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error


def problem(found: Policy, classes: Collection[str], ranks: Collection[str]) -> str | None:
    """Return why a policy cannot be set: a class that the weights do not know or that one place
    both nudges and insists on, or a rank that the data bank does not have."""
    for place in PLACES:
        acts: Acts = getattr(found.places, place)
        for claimed in (*acts.nudge, *acts.insist):
            if claimed not in classes:
                return f"no class {claimed}"
            if (*acts.nudge, *acts.insist).count(claimed) > 1:
                return f"{claimed} is twice in {place}"
    unknown = [rank for rank in found.exempt_ranks if rank not in ranks]
    return f"no rank {unknown[0]}" if unknown else None


def numbered(text: str, number: int) -> str:
    """Return the JSON of a policy with another number. Raises ValueError for a malformed one."""
    found = msgspec.structs.replace(parse(text), number=number)
    return msgspec.json.encode(found).decode()
