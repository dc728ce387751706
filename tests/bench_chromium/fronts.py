"""Officers in front of Chromium, each with a browser and a worker of their own."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import msgspec
from playwright.sync_api import Playwright, Request, Response

from copconnect import wire
from copconnect.bench.deployment import Deployment
from copconnect.bench.figures import Figures, say
from copconnect.delivery.sealed.message import read_header
from tests.harness import databank
from tests.harness.browser import DESKTOP, PHONE, ROOT, Officer, Station, launch
from tests.harness.evidence import Secrets
from tests.harness.outbox import Outbox
from tests.harness.tab import Tab

ARTEFACTS = ROOT / ".artefacts" / "screenshots" / "bench-chromium"


@dataclass
class Front:
    """An officer, what their tab costs, and what it sent."""

    officer: Officer
    tab: Tab
    posted: list[str] = field(default_factory=list)  # Message ids that went up.

    def heard(self, request: Request) -> None:
        """Note the messages that go up."""
        body = request.post_data_buffer
        if request.method == "POST" and request.url.endswith("/sealed") and body is not None:
            sealed = msgspec.msgpack.decode(body, type=wire.PostSealed).sealed
            message_id = read_header(sealed).message_id
            if message_id not in self.posted:  # A repetition has the same.
                self.posted.append(message_id)

    def answered(self, response: Response) -> None:
        """Tell what the server refused: a run that waits for ever says why."""
        if response.status >= 400:
            asked = f"{response.request.method} {response.url.partition('/v1/')[2]}"
            say(f"{asked} was answered with {response.status}.")

    def go(self, path: str) -> None:
        """Show another screen."""
        self.officer.page.goto(f"/#/{path}")


def told(figures: Figures) -> str:
    """Return figures as a line of progress, for a run that does not come to its end."""
    return ", ".join(f"{name} {value:.1f}" for name, value in figures.items())


@contextmanager
def fronts(
    playwright: Playwright, deployment: Deployment, people: Sequence[databank.Officer]
) -> Iterator[list[Front]]:
    """A phone and a desktop; what they show is kept on failure."""
    outbox = Outbox(deployment.origins[0])
    found: list[Front] = []
    stations: list[Station] = []
    browsers = [launch(playwright) for _ in people]
    failed = True
    try:
        for i, screen in enumerate((PHONE, DESKTOP)):
            # On workers of their own, as behind a balancer.
            url = deployment.origins[i % len(deployment.origins)]
            station = Station(browsers[i], url, outbox.code_for, ARTEFACTS, Secrets(), people)
            stations.append(station)
            officer = station.officer(i, screen=screen)
            front = Front(officer, Tab(browsers[i], officer.page))
            officer.page.on("request", front.heard)
            officer.page.on("response", front.answered)
            found.append(front)
        yield found
        failed = False
    finally:
        for station in stations:
            station.close(failed=failed)
        for browser in browsers:
            browser.close()
