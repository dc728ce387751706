"""The kind of act about lessons of training."""

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.admin.acts.kind import ActHandler, RequestedAct, Touched
from copconnect.database.engine import Transaction
from copconnect.rights import WHOLE
from copconnect.training.publishing import Publisher


def lesson_kinds(lessons: Publisher) -> Mapping[type[wire.AdminAct], ActHandler]:
    """Return the kinds by the type of the act."""

    async def touches(_: AsyncConnection, __: wire.PublishLesson) -> Touched:
        """A lesson is the whole department's; it changes nothing about anybody."""
        return Touched(frozenset({WHOLE}), 0, [])

    async def publish(connection: Transaction, asked: RequestedAct) -> None:
        await lessons.publish(connection, asked.by, asked.act)

    return {wire.PublishLesson: ActHandler("train", touches, publish)}
