"""Officers in front of Chromium, each in a browser context of their own.

An :class:`Officer` acts as a person does: by what is written and spoken on the screen (roles,
labels, text), never by CSS classes. Everything that goes wrong in a page (an uncaught error, a
console error) is kept and fails the test at its end.
"""

import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Geolocation,
    Page,
    Playwright,
    ViewportSize,
)

from tests.harness import databank

ROOT = Path(__file__).parents[2]
PHONE = ViewportSize(width=390, height=844)
SMALL_PHONE = ViewportSize(width=360, height=640)
DESKTOP = ViewportSize(width=1280, height=800)
CHARMINAR = Geolocation(latitude=17.361564, longitude=78.474665, accuracy=12.0)
STEP_LIMIT_MS = 20_000
# The browser itself says these when a test cuts the network; the app has no say in it.
NETWORK_NOISE = re.compile(r"net::ERR_|Failed to load resource|WebSocket connection to")


def chromium_path() -> str:
    """Return the Chromium to use. Raises RuntimeError where there is none."""
    found = subprocess.run(
        [ROOT / "make" / "chromium"], capture_output=True, text=True, check=False
    )
    if found.returncode != 0:
        raise RuntimeError(found.stderr)
    return found.stdout.strip()


def launch(playwright: Playwright) -> Browser:
    """Start Chromium with a camera and a microphone that play test signals."""
    return playwright.chromium.launch(
        executable_path=chromium_path(),
        args=[
            "--no-sandbox",  # CI runs as root, where Chromium's sandbox cannot start.
            "--disable-dev-shm-usage",
            "--use-fake-ui-for-media-stream",
            "--use-fake-device-for-media-stream",
        ],
    )


@dataclass
class Officer:
    """One person at one device. ``page`` is what they see."""

    person: databank.Officer
    context: BrowserContext
    page: Page
    code_for: Callable[[str], str]
    artefacts: Path
    problems: list[str] = field(default_factory=list)
    _shots: int = 0

    def open(self, path: str = "/") -> None:
        """Go to a page of the app and wait until it has drawn something."""
        self.page.goto(path)
        self.page.locator("body *").first.wait_for(state="attached")

    def second_tab(self) -> Page:
        """Open another tab of the same device; its problems count too."""
        page = self.context.new_page()
        page.set_default_timeout(STEP_LIMIT_MS)
        self.watch(page)
        return page

    def watch(self, page: Page) -> None:
        """Keep what goes wrong in a page."""
        page.on("pageerror", lambda error: self.problems.append(f"uncaught: {error}"))
        page.on("console", self._heard)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not NETWORK_NOISE.search(message.text):
            self.problems.append(f"console: {message.text}")

    def shot(self, name: str) -> Path:
        """Keep a screenshot as an artefact, numbered in the order of taking."""
        self._shots += 1
        given = self.person.name.partition(" ")[0].lower()
        file = self.artefacts / f"{self._shots:02}-{given}-{name}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=file)
        return file

    def keep_evidence(self) -> None:
        """After a failure: keep what every open page shows and holds."""
        for number, page in enumerate(self.context.pages):
            given = self.person.name.partition(" ")[0].lower()
            file = self.artefacts / f"failed-{given}-{number}"
            file.parent.mkdir(parents=True, exist_ok=True)
            try:
                page.screenshot(path=file.with_suffix(".png"))
                file.with_suffix(".html").write_text(page.content())
            except Error as error:  # The page may be gone; the rest is still worth keeping.
                file.with_suffix(".txt").write_text(str(error))


class Station:
    """All officers of one test, on one server."""

    def __init__(
        self, browser: Browser, url: str, code_for: Callable[[str], str], artefacts: Path
    ) -> None:
        self.url = url
        self.officers: list[Officer] = []
        self._browser = browser
        self._code_for = code_for
        self._artefacts = artefacts

    def officer(
        self,
        index: int,
        *,
        screen: ViewportSize = PHONE,
        colours: str = "light",
        locale: str = "en-IN",
        url: str | None = None,
    ) -> Officer:
        """Give the person at ``index`` of the data bank a new device, at the app's first page."""
        context = self._browser.new_context(
            base_url=url or self.url,
            viewport=screen,
            has_touch=screen["width"] < DESKTOP["width"],
            locale=locale,
            timezone_id="Asia/Kolkata",
            color_scheme="dark" if colours == "dark" else "light",
            reduced_motion="reduce",
            permissions=["geolocation", "notifications", "clipboard-read", "clipboard-write"],
            geolocation=CHARMINAR,
        )
        context.set_default_timeout(STEP_LIMIT_MS)
        if os.environ.get("COPCONNECT_TRACE"):
            context.tracing.start(screenshots=True, snapshots=True)
        page = context.new_page()
        officer = Officer(
            databank.officers()[index], context, page, self._code_for, self._artefacts
        )
        officer.watch(page)
        self.officers.append(officer)
        officer.open()
        return officer

    def close(self, *, failed: bool) -> None:
        """End all contexts; after a failure with evidence kept."""
        for number, officer in enumerate(self.officers):
            if failed:
                officer.keep_evidence()
            if os.environ.get("COPCONNECT_TRACE"):
                officer.context.tracing.stop(path=self._artefacts / f"trace-{number}.zip")
            officer.context.close()

    def problems(self) -> list[str]:
        """Return everything that went wrong in any page."""
        return [
            f"{officer.person.name}: {problem}"
            for officer in self.officers
            for problem in officer.problems
        ]
