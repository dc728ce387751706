"""A kind of act: the right that it needs, its reach, and the work that it is."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.database.engine import Transaction
from copconnect.ids import PersonId
from copconnect.principals import Caller, Signer
from copconnect.rights import Decided, HeldRights, PersonChange

SAMPLE = 20  # People whom a preview names.


@dataclass(frozen=True, slots=True)
class Touched:
    """The reach of an act. ``paths``: units over which the right must hold; ``people``: how many;
    ``some``: those of them whom the act names; ``second``: a second admin must agree, however few
    they are; ``leaving``: how many are suspended or removed; ``policy`` and ``conversations``: as
    previews say them; ``changes``: the people whom the act changes, as rights judge that."""

    paths: frozenset[str]
    people: int
    some: Sequence[PersonId]
    second: bool = False
    leaving: int = 0
    policy: Sequence[wire.PolicyChange] = ()
    conversations: int = 0
    changes: Sequence[PersonChange] = ()


@dataclass(frozen=True, slots=True)
class RequestedAct:
    """An act on its way. ``permit``: the decision; ``taken_ms``: when the server took it;
    ``second``: who approved it, where a second admin had to."""

    by: Signer
    permit: Decided
    act: Any
    taken_ms: int
    second: PersonId | None = None


Codes = list[wire.EnrolmentCode] | None  # None: of an act that makes no codes.


@dataclass(frozen=True, slots=True)
class ActHandler:
    """A kind of act. ``perform`` writes exactly one entry of the audit log, last. ``make_ready``:
    work before the transaction, such as reading a file, which changes nothing; ``settle``: work
    after its commit; ``refused``: called outside the transaction before the asker learns of a
    refusal that says something of others; ``shown``: raises where somebody with these rights is not
    shown all that the asker saw, and so cannot approve; ``allows``: raises where somebody who has
    the right may neither ask for this act nor approve it."""

    right: wire.Right
    touches: Callable[[AsyncConnection, Any], Awaitable[Touched]]
    perform: Callable[[Transaction, RequestedAct], Awaitable[Codes]]
    make_ready: Callable[[Any], Awaitable[None]] | None = None
    settle: Callable[[Any], Awaitable[None]] | None = None
    allows: Callable[[AsyncConnection, PersonId, Any], Awaitable[None]] | None = None
    refused: Callable[[Caller, Any, errors.ImportTaken], Awaitable[None]] | None = None
    shown: Callable[[AsyncConnection, HeldRights, Any], Awaitable[None]] | None = None
