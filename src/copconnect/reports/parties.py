"""The people who have a part in a case.

A message may be reported again and again: its reporters and deciders are those of all its reports,
so that a further report opens no way around them.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.ids import PersonId
from copconnect.reports import store


@dataclass(frozen=True, slots=True)
class Parties:
    """``own``: the reported person and everybody who reported the message, whose own case it is;
    ``reporters``: the latter alone; ``deciders``: moderators who decided a report of it, or agreed.
    """

    own: frozenset[PersonId]
    reporters: frozenset[PersonId]
    deciders: frozenset[PersonId]


async def parties_of(connection: AsyncConnection, report: Row[Any]) -> Parties:
    """Return who has a part in the case of a report. One statement."""
    same = await store.of_message(connection, report)
    reporters = frozenset(PersonId(one.reporter_id) for one in same)
    deciders = {each for one in same for each in (one.decider_id, one.second_id)}
    return Parties(
        own=reporters | {PersonId(report.reported_id)},
        reporters=reporters,
        deciders=frozenset(PersonId(one) for one in deciders if one is not None),
    )
