"""The officer course of a force so far: some units are ahead, others have hardly begun.

Nothing is recorded of the station that is shown: its people learn while one looks on.
"""

import hashlib

from sqlalchemy import delete, insert, select

from copconnect.app import Container
from copconnect.database.engine import BULK, chunks
from copconnect.directory.postings.roll import Roll
from copconnect.training.store import BEGUN, DONE
from demo import synthetic

_SPREAD_MS = 30 * 86_400_000


async def make(container: Container) -> None:
    """Record it, unless something is recorded already."""
    now = container.clock.now_ms()
    async with container.database.transaction() as connection:
        if await connection.scalar(select(BEGUN.c.person_id).limit(1)) is not None:
            return
        lessons = await container.lessons.catalogue.lessons(connection)
        own = [one for one in lessons.values() if one.course == "officer"]
        people = (await connection.execute(Roll(container.directory).serving())).all()
        done: list[dict[str, object]] = []
        begun: list[dict[str, object]] = []
        for person_id, unit_id in people:
            if unit_id == synthetic.SHOWN_STATION:
                continue
            chance = _share(person_id)
            share = 0.25 + 0.7 * _share(unit_id)
            count = len(own) if chance < share else int(len(own) * (1 - chance) / (1 - share))
            at = now - int(_SPREAD_MS * _share(f"{person_id} when"))
            done += [
                {
                    "person_id": person_id,
                    "lesson_id": one.lesson_id,
                    "course": "officer",
                    "version": one.version,
                    "done_ms": at,
                }
                for one in own[:count]
            ]
            if count:
                completed = at if count == len(own) else None
                row = {"person_id": person_id, "course": "officer", "completed_ms": completed}
                begun.append(row)
        for table, rows in ((DONE, done), (BEGUN, begun)):
            await connection.execute(delete(table))
            for part in chunks(rows, BULK):
                await connection.execute(insert(table), part)


def _share(name: str) -> float:
    """Return a number from 0 to 1 that is the same in every run."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") / 2**32
