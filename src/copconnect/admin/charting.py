"""Answers the console's charts: registrations, versions, sizes of groups, activity.

Five statements over the caller's part, whatever its size; no answer has a name.
"""

from collections import defaultdict

from copconnect import wire
from copconnect.admin.parts import ABOUT_PEOPLE, Parts, unit_below
from copconnect.auth_service.trust.administered import Administered
from copconnect.clock import Clock
from copconnect.database.engine import Database
from copconnect.delivery.store.traffic import Traffic
from copconnect.directory.listing import Listing
from copconnect.directory.service import DirectoryService
from copconnect.ids import UnitId
from copconnect.principals import Caller

WEEK_MS = 7 * 86_400_000
WEEKS = 26
ACTIVITY_MS = WEEK_MS
FEWEST = 10
"""In a part of fewer people, messages and groups are those of single people: they are not told."""


class Charting:
    """Reads what charts show. Stateless."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        parts: Parts,
        directory: DirectoryService,
        people: Listing,
        registered: Administered,
    ) -> None:
        self._database = database
        self._clock = clock
        self._parts = parts
        self._directory = directory
        self._people = people
        self._registered = registered
        self._traffic = Traffic()

    async def charts(self, caller: Caller) -> wire.AdminCharts:
        """Return the counts of the caller's part. Raises NotAllowed."""
        now = self._clock.now_ms()
        first = now - WEEKS * WEEK_MS
        async with self._database.reading() as connection:
            part = await self._parts.of(connection, caller, ABOUT_PEOPLE)
            below = self._parts.below(part)
            by_week = await self._people.count_by_unit_and(
                connection, part.paths, self._registered.first_registered(first, WEEK_MS)
            )
            versions = await self._registered.versions(connection, below)
            paths = None if part.whole else part.paths
            enough = await self._directory.count_people(connection, paths) >= FEWEST
            sizes = await self._traffic.sizes(connection, below) if enough else []
            since = now - ACTIVITY_MS
            activity = await self._traffic.activity(connection, below, since) if enough else []
        weeks: defaultdict[str, list[int]] = defaultdict(lambda: [0] * (WEEKS + 1))
        for (path, week), many in by_week.items():
            weeks[unit_below(part.paths, path)][min(week, WEEKS)] += many
        return wire.AdminCharts(
            first_ms=first,
            week_ms=WEEK_MS,
            registrations=[
                wire.UnitRegistrations(unit_id=UnitId(unit), weeks=counts)
                for unit, counts in sorted(weeks.items())
            ],
            versions=[wire.VersionCount(app=app, devices=many) for app, many in versions],
            sizes=[
                wire.SizeCount(least=least, most=most, groups=many) for least, most, many in sizes
            ],
            activity=[wire.SpanCount(from_ms=at, messages=many) for at, many in activity],
        )
