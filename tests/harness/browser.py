"""Officers in front of Chromium, each in their own browser context.

An :class:`Officer` acts as a person does: by what is written and spoken on the screen (roles,
labels, text), never by CSS classes. Everything that goes wrong in a page (an uncaught error, a
console error) is kept and fails the test at its end.
"""

import contextlib
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Geolocation,
    Locator,
    Page,
    ViewportSize,
)
from playwright.sync_api import TimeoutError as DidNotCome

from tests.harness import databank
from tests.harness.evidence import Secrets
from tests.harness.words import NAMES, words

ROOT = Path(__file__).parents[2]
PHONE = ViewportSize(width=390, height=844)
SMALL_PHONE = ViewportSize(width=360, height=640)
DESKTOP = ViewportSize(width=1280, height=800)
CHARMINAR = Geolocation(latitude=17.361564, longitude=78.474665, accuracy=12.0)
STEP_LIMIT_MS = 60_000  # A step takes one; a busy machine takes long.
PROGRESS = ("sent", "delivered", "read")
# A violation of the Content-Security-Policy becomes a console error, which fails the test.
TELL_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) =>
  console.error("violation of", event.effectiveDirective, "by", event.blockedURI, event.sample));
"""
# The browser itself says these when a test cuts the network, and of pushes in the private windows
# that tests use; the app has no say in it.
NETWORK_NOISE = re.compile(
    r"net::ERR_|Failed to load resource|WebSocket connection to|Push API in incognito mode"
)


WAITS = "devices.waiting.title"
LOOK_AWAY = """() => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => true });
  Object.defineProperty(document, "visibilityState", { configurable: true, get: () => "hidden" });
  document.hasFocus = () => false;
  document.dispatchEvent(new Event("visibilitychange"));
}"""
LOOK_BACK = """() => {
  delete document.hidden;
  delete document.visibilityState;
  delete document.hasFocus;
  document.dispatchEvent(new Event("visibilitychange"));
}"""
NOTIFICATIONS = """async () => {
  const registration = await navigator.serviceWorker.ready;
  const shown = await registration.getNotifications();
  return shown.map(({ title, body, tag }) => ({ title, body, tag }));
}"""


def until(page: Page, condition: Callable[[], bool]) -> None:
    """Wait for something that no locator can say. Raises AssertionError when it does not come."""
    deadline = time.monotonic() + STEP_LIMIT_MS / 1000
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        page.wait_for_timeout(50)


def picture(page: Page, file: Path) -> None:
    """Keep a screenshot if the environment variable asks for screenshots: each takes 50 ms."""
    if "COPCONNECT_SCREENSHOTS" in os.environ:
        file.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=file)


@dataclass
class Officer:
    """One person at one device. ``page`` is what they see."""

    person: databank.Officer
    context: BrowserContext
    page: Page
    code_for: Callable[[str], str]
    artefacts: Path
    language: str = "en"
    secrets: Secrets = field(default_factory=Secrets)
    problems: list[str] = field(default_factory=list)
    _shots: int = 0

    def word(self, key: str, **values: object) -> str:
        """Return what the app says for a key in this officer's language."""
        return words(self.language, key, **values)

    def button(self, key: str, **values: object) -> Locator:
        """The button that says this."""
        return self.page.get_by_role("button", name=self.word(key, **values), exact=True)

    def heading(self, key: str, **values: object) -> Locator:
        """The heading that says this."""
        return self.page.get_by_role("heading", name=self.word(key, **values), exact=True)

    def heading_of(self, title: str) -> Locator:
        """The heading with a person's or group's name."""
        return self.page.get_by_role("heading", name=title, exact=True)

    def open(self, path: str = "/") -> None:
        """Go to a page of the app and wait until it has drawn something."""
        self.page.goto(path)
        self.page.locator("body *").first.wait_for(state="attached")

    @contextlib.contextmanager
    def speaking(self, language: str) -> Iterator[Self]:
        """Another language on this device, in all that is loaded from here on."""
        before = self.language
        self._speak(language)
        try:
            yield self
        finally:
            self._speak(before)

    def _speak(self, language: str) -> None:
        self.language = language
        self.page.evaluate("(it) => localStorage.setItem('copconnect.language', it)", language)

    # --- First run ---------------------------------------------------------------------------

    def choose_language(self) -> None:
        """Step 1."""
        self.page.get_by_role("radio", name=NAMES[self.language], exact=True).check()
        self.button("firstRun.language.next").click()

    def enter_number(self, number: str | None = None) -> None:
        """Step 2, with this officer's number unless another is given."""
        field = self.page.get_by_label(self.word("firstRun.number.label"), exact=True)
        field.fill((number or self.person.number).removeprefix("+91"))
        self.button("firstRun.number.next").click()

    def enter_code(self, code: str | None = None) -> None:
        """Step 3, with the code that was sent unless another is given; it continues without a
        press."""
        field = self.page.get_by_label(self.word("firstRun.code.label"), exact=True)
        field.wait_for()
        field.fill(code or self.code_for(self.person.number))

    def accept_conduct(self) -> None:
        """Step 4."""
        self.button("firstRun.conduct.accept").click()

    def finish(self) -> None:
        """Step 5."""
        self.button("firstRun.done.next").click()
        self.heading("chats.title").wait_for()

    def register(self) -> Self:
        """The whole first run; ends at the list of chats."""
        self.choose_language()
        self.enter_number()
        self.enter_code()
        self.accept_conduct()
        self.finish()
        self.secrets.known = self.person.number
        return self

    def register_waiting(self) -> Self:
        """The first run of a device that somebody must confirm; ends at the screen that waits."""
        next_step = self.heading("firstRun.number.title")
        self.heading("firstRun.language.title").or_(next_step).first.wait_for()
        # A browser that was used before remembers its language.
        if not next_step.is_visible():
            self.choose_language()
        self.enter_number()
        self.enter_code()
        # A person who accepted the code of conduct before is not asked again.
        conduct, waits = self.button("firstRun.conduct.accept"), self.heading(WAITS)
        conduct.or_(waits).first.wait_for()
        if conduct.is_visible():
            self.accept_conduct()
            self.button("firstRun.done.oneStepNext").click()
        waits.wait_for()
        return self

    # --- Talking -----------------------------------------------------------------------------

    def open_direct(self, other: "Officer") -> None:
        """Find a person by name and open the direct conversation with them."""
        self.page.get_by_role("button", name=self.word("chats.new"), exact=True).click()
        self.page.get_by_role("searchbox").fill(other.person.name)
        shown = other.person.name_te if self.language == "te" else other.person.name
        self.page.get_by_role("button").filter(has_text=shown).first.click()
        self.composer.wait_for()

    def open_card(self, other: "Officer") -> None:
        """Find a person by name and open the person's card."""
        self.page.goto("/#/people")
        self.page.get_by_role("searchbox").fill(other.person.name)
        rows = self.page.get_by_role("main").locator("a[href*='/people/person/']")
        rows.filter(has_text=other.person.name).first.click()
        self.heading_of(other.person.name).wait_for()

    def open_chat(self, title: str) -> None:
        """Open a conversation from the list of chats."""
        self.chat(title).click()
        self.composer.wait_for()

    def to_chats(self) -> None:
        """Back to the list of chats, whatever is open."""
        self.page.goto("/#/chats")
        self.heading("chats.title").wait_for()

    def chat(self, title: str) -> Locator:
        """A row in the list of chats, by its title."""
        chats = self.page.get_by_role("region", name=self.word("chats.title"), exact=True)
        return chats.get_by_role("link").filter(has=self.page.get_by_text(title, exact=True))

    @property
    def composer(self) -> Locator:
        """The field in which a message is written."""
        return self.page.get_by_role("textbox", name=self.word("conversation.write"), exact=True)

    def say(self, text: str) -> None:
        """Write and send. The text is a secret from then on."""
        self.secrets.text(text)
        self.composer.fill(text)
        self.button("conversation.send").click()
        self.message(text).wait_for()

    def message(self, text: str) -> Locator:
        """The message that says this, in the open conversation."""
        return self.page.get_by_role("article").filter(has_text=text)

    def sees_status(self, text: str, status: str) -> None:
        """Wait until an own message has come at least so far: sent, delivered or read."""
        reached = PROGRESS[PROGRESS.index(status) :]
        said = "|".join(re.escape(self.word(f"conversation.status.{one}")) for one in reached)
        shown = self.message(text).get_by_text(re.compile(rf"^\s*({said})\s*$"))
        shown.wait_for(state="attached")

    def status(self, text: str) -> Locator:
        """How far an own message has come, in words."""
        said = "|".join(re.escape(self.word(f"conversation.status.{one}")) for one in PROGRESS)
        return self.message(text).get_by_text(re.compile(rf"^\s*({said})\s*$"))

    def open_menu(self, text: str) -> None:
        """Open a message's menu: by a tap on its time on a phone, by its dots at a desk."""
        message = self.message(text).last
        if self.page.viewport_size == DESKTOP:
            actions = self.word("conversation.actions")
            message.get_by_role("button", name=actions, exact=True).click()
        else:
            message.get_by_role("time").tap()

    def act_on(self, text: str, act: str) -> None:
        """Open a message's menu and choose what to do, such as ``conversation.reply``. A tap on a
        list that moves under the finger opens nothing: a person taps once more."""
        chosen = self.page.get_by_role("menuitem", name=self.word(act), exact=True)
        for _ in range(2):
            self.open_menu(text)
            with contextlib.suppress(DidNotCome):
                chosen.wait_for(timeout=5_000)
                break
        chosen.click()

    # --- Looking away --------------------------------------------------------------------------

    def look_away(self) -> None:
        """Let the page believe that it is in the background, where it would notify."""
        self.page.evaluate(LOOK_AWAY)

    def look_back(self) -> None:
        """Let it be looked at again."""
        self.page.evaluate(LOOK_BACK)

    def notifications(self) -> list[dict[str, str]]:
        """Return the notifications of this device that are shown: title, body and tag."""
        found: list[dict[str, str]] = self.page.evaluate(NOTIFICATIONS)
        return found

    # --- App lock ------------------------------------------------------------------------------

    def open_lock_page(self) -> None:
        """Go to the page of the app lock."""
        self.page.goto("/#/me/lock")
        self.heading("me.lock").wait_for()

    def set_pin(self, pin: str) -> None:
        """Set a first PIN, on the page of the app lock."""
        self.button("me.setPin").click()
        self.page.get_by_label(self.word("me.newPin"), exact=True).fill(pin)
        self.page.get_by_label(self.word("me.repeatPin"), exact=True).fill(pin)
        self.button("me.setPin").click()
        self.button("me.lockNow").wait_for()

    def try_pin(self, pin: str) -> None:
        """Enter a PIN on the lock screen."""
        self.heading("lock.title").wait_for()
        for digit in pin:
            self.page.get_by_role("button", name=digit, exact=True).click()
        self.button("lock.unlock").click()

    # --- Evidence ----------------------------------------------------------------------------

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
        page.add_init_script(TELL_VIOLATIONS)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not NETWORK_NOISE.search(message.text):
            self.problems.append(f"console: {message.text}")

    def shot(self, name: str) -> None:
        """Keep a screenshot as an artefact, numbered in the order of taking."""
        self._shots += 1
        given = self.person.name.partition(" ")[0].lower()
        picture(self.page, self.artefacts / f"{self._shots:02}-{given}-{name}.png")

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
        self,
        browser: Browser,
        url: str,
        code_for: Callable[[str], str],
        artefacts: Path,
        secrets: Secrets,
        people: Sequence[databank.Officer] = (),
        *,
        service_worker: bool = True,
    ) -> None:
        """``people``: another data bank than the tests' own. Without ``service_worker`` the app
        registers none: to keep the app's files for later takes a browser longer than to register
        an officer."""
        self.url = url
        self._people = people or databank.officers()
        self.secrets = secrets
        self.officers: list[Officer] = []
        self._browser = browser
        self._code_for = code_for
        self._artefacts = artefacts
        self._service_worker = service_worker

    def officer(
        self,
        index: int,
        *,
        screen: ViewportSize = PHONE,
        colours: str = "light",
        language: str = "en",
        url: str | None = None,
        proves: bool = True,
        service_worker: bool = True,
    ) -> Officer:
        """Give the person at ``index`` of the data bank a new device, at the app's first page.
        ``proves``: the person sets a PIN when an act of weight asks for one, and enters it.
        ``service_worker``: False for a device that needs none in a station whose others do."""
        context = self._browser.new_context(
            base_url=url or self.url,
            viewport=screen,
            has_touch=screen["width"] < DESKTOP["width"],
            locale=f"{language}-IN",
            timezone_id="Asia/Kolkata",
            color_scheme="dark" if colours == "dark" else "light",
            reduced_motion="reduce",
            permissions=[
                *("geolocation", "notifications", "clipboard-read", "clipboard-write"),
                *("camera", "microphone"),
            ],
            geolocation=CHARMINAR,
            service_workers="allow" if self._service_worker and service_worker else "block",
        )
        context.set_default_timeout(STEP_LIMIT_MS)
        if proves:
            context.add_init_script(path=Path(__file__).with_name("proves.js"))
        if os.environ.get("COPCONNECT_TRACE"):
            context.tracing.start(screenshots=True, snapshots=True)
        page = context.new_page()
        officer = Officer(
            self._people[index],
            context,
            page,
            self._code_for,
            self._artefacts,
            language,
            self.secrets,
        )
        officer.watch(page)
        self.officers.append(officer)
        officer.open()
        return officer

    def keep_evidence(self) -> None:
        """After a failure: what every officer sees."""
        for officer in self.officers:
            officer.keep_evidence()

    def close(self, *, failed: bool) -> None:
        """End all contexts; after a failure with evidence kept."""
        if failed:
            self.keep_evidence()
        for number, officer in enumerate(self.officers):
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
