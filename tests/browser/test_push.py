"""A push reaches a real service worker while the app is closed.

Chromium cannot reach its vendor's push service from here, so that two things are replaced, and
nothing else. ``PushManager.subscribe`` answers with an endpoint at a push service on this machine,
which checks every request of the server; what it takes is handed to the worker by the DevTools
protocol (``ServiceWorker.deliverPushMessage``). And because only a person's own tap lets a worker
open a window, the address that it asks for is noted and opened by the test.
"""

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Worker

from bench.net.push_service import PushService, certificate
from copconnect.auth_service.keys.push_key import PUSH_KEY, PushSigner
from tests.harness import databank
from tests.harness.browser import Officer, Station, until
from tests.harness.plaintext import scan, secret_text
from tests.harness.server import ServerProcess
from tests.harness.traffic import Exhibit

pytestmark = [pytest.mark.service_worker, pytest.mark.notifications]

SUBSCRIBING = """(endpoint) => {
  let subscription = null;
  PushManager.prototype.getSubscription = async () => subscription;
  PushManager.prototype.subscribe = async ({ applicationServerKey, userVisibleOnly }) => {
    if (!userVisibleOnly || applicationServerKey.byteLength !== 65) throw new TypeError("options");
    const options = { applicationServerKey: applicationServerKey.buffer, userVisibleOnly };
    const unsubscribe = async () => ((subscription = null), true);
    return (subscription = { endpoint, options, unsubscribe });
  };
}"""
# Chromium forgets a notification if the list is asked for while it is brought to the screen.
SHOWN = """async () => {
  if (self.shownMs === undefined) {
    self.shownMs = 0;
    const show = registration.showNotification.bind(registration);
    registration.showNotification = async (...told) => {
      self.shownMs = Infinity;
      await show(...told);
      self.shownMs = Date.now();
    };
  }
  while (Date.now() - self.shownMs < 300) await new Promise((done) => setTimeout(done, 50));
  return (await registration.getNotifications()).map(({ title, body, tag, actions }) => ({
    title, body, tag, actions: actions.map((a) => a.action),
  }));
}"""
TAPPED = """async ({ action, reply, mayOpen }) => {
  let asked = null;
  clients.openWindow = async (url) => {
    if (!mayOpen) throw new DOMException("Not allowed to open a window.", "InvalidAccessError");
    return (asked = url), null;
  };
  const [notification] = await self.registration.getNotifications();
  const event = new NotificationEvent("notificationclick", { notification, action });
  Object.defineProperty(event, "reply", { value: reply });
  let done = Promise.resolve();
  event.waitUntil = (work) => (done = work);
  self.dispatchEvent(event);
  await done;
  return asked;
}"""
PAGES_AND_LOCKS = """async () => {
  const { held } = await navigator.locks.query();
  return (await clients.matchAll()).length + held.length;
}"""
SETTINGS = """async () => {
  const kept = await (await caches.open("copconnect-push")).match("/push-settings.json");
  return kept === undefined ? null : kept.text();
}"""


class LocalPushService:
    """The push service in its own thread, because Playwright occupies this one."""

    def __init__(self, folder: Path) -> None:
        self.files = certificate(folder)
        self.service = PushService(b"")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._run(self.service.start(self.files))

    def _run(self, work: Coroutine[Any, Any, object]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def close(self) -> None:
        """Stop."""
        self._run(self.service.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture(scope="module")
def push_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPushService]:
    """A strict push service."""
    made = LocalPushService(tmp_path_factory.mktemp("push"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def app_server(
    serve: Callable[..., ServerProcess], push_service: LocalPushService
) -> ServerProcess:
    """A server that pushes to it."""
    server = serve(
        otp_per_number_and_address_per_day=1_000,
        otp_per_number_per_day=1_000,
        otp_resend_ms=0,
        push_origins=push_service.service.origin,
        push_ca_file=str(push_service.files[0]),
        push_private_addresses="yes",
        push_contact="mailto:it@police.example",
        push_delay_ms=1_000,
    )
    push_service.service.key = PushSigner(server.data / "keys" / PUSH_KEY).public_key
    return server


PIN = "482915"


class Sleeper:
    """An officer whose app is closed; the service worker is all that is left."""

    def __init__(self, officer: Officer, service: PushService) -> None:
        self.officer = officer
        self._service = service
        self._endpoint = f"{service.origin}/wake/{officer.person.number[-6:]}"
        self._delivered = 0
        self._registration = ""
        self._has_pin = False
        officer.context.add_init_script(f"({SUBSCRIBING})({json.dumps(self._endpoint)})")
        # A blank page, which is none of the app, keeps the context when the app is closed.
        self._blank = officer.context.new_page()
        self._devtools = officer.context.new_cdp_session(self._blank)
        self._devtools.on("ServiceWorker.workerRegistrationUpdated", self._registered)
        self._devtools.send("ServiceWorker.enable")
        until(self._blank, lambda: self._registration != "")
        officer.page.reload()

    def open(self, address: str = "/") -> None:
        """Open the app where it is closed, at an address."""
        officer = self.officer
        if officer.page.is_closed():
            officer.page = officer.second_tab()
            officer.open(address)
            if self._has_pin:
                officer.try_pin(PIN)

    def set_pin(self) -> None:
        """Lock the app by a PIN, if it is not locked by it already."""
        if not self._has_pin:
            self.officer.open_lock_page()
            self.officer.set_pin(PIN)
            self._has_pin = True

    def subscribe(self, *, detail: bool) -> None:
        """Let the app subscribe, and the person choose what notifications say."""
        officer = self.officer
        officer.page.goto("/#/me/notifications")
        switch = officer.page.get_by_role("switch", name=officer.word("me.notificationsDetail"))
        switch.set_checked(detail)
        officer.page.get_by_text(officer.word("me.push.working")).wait_for()
        wanted = f'"detail":{"true" if detail else "false"}'
        until(officer.page, lambda: wanted in (officer.page.evaluate(SETTINGS) or ""))

    def sleep(self) -> None:
        """Close the app, and wait until its page is gone: a page that goes may still take the next
        message, of which the worker then tells no words."""
        self._delivered = len(self.pushed())
        self.officer.page.close()
        until(self._blank, lambda: self.worker.evaluate(PAGES_AND_LOCKS) == 0)

    def _registered(self, told: dict[str, list[dict[str, str]]]) -> None:
        for one in told["registrations"]:
            self._registration = one["registrationId"]

    def woken(self) -> None:
        """Wait for the server's next request, and wake the worker as the vendor would."""
        until(self._blank, lambda: len(self.pushed()) > self._delivered)
        self.shown()  # From here on it waits for what is being shown.
        self._hand_over()

    def _hand_over(self) -> None:
        """Hand every request that the server has sent since the last one to the worker."""
        while self._delivered < len(self.pushed()):
            self._delivered += 1
            self._devtools.send(
                "ServiceWorker.deliverPushMessage",
                {
                    "origin": self._origin(),
                    "registrationId": self._registration,
                    "data": "",
                },
            )

    def pushed(self) -> list[str]:
        """Return the topics of the requests for this device."""
        path = self._endpoint.removeprefix(self._service.origin)
        return [one.headers["topic"] for one in self._service.requests if one.path == path]

    def _origin(self) -> str:
        return self.worker.url.removesuffix("/service-worker.js")

    @property
    def worker(self) -> Worker:
        """The service worker."""
        return self.officer.context.service_workers[0]

    def shown(self) -> list[dict[str, Any]]:
        """Return the notifications of this device."""
        found: list[dict[str, Any]] = self.worker.evaluate(SHOWN)
        return found

    def shows(self, wanted: Callable[[list[dict[str, Any]]], bool]) -> None:
        """Wait for notifications. Meanwhile each push of the server wakes the worker: the server
        sends a second one if the worker has not fetched the message in time."""

        def there() -> bool:
            self._hand_over()
            return wanted(self.shown())

        until(self._blank, there)

    def told(self) -> dict[str, Any]:
        """Wait for a notification, and return the only one."""
        self.shows(lambda shown: shown != [])
        (told,) = self.shown()
        return told

    def tap(
        self, action: str = "", reply: str | None = None, *, may_open: bool = True
    ) -> str | None:
        """Tap a notification, or send what was written in it; return the address that the worker
        asks to open."""
        how = {"action": action, "reply": reply, "mayOpen": may_open}
        asked: str | None = self.worker.evaluate(TAPPED, how)
        return asked


@pytest.fixture(scope="module")
def sender(posted: Station) -> Officer:
    """Writes in each test, to another officer."""
    officer = posted.officer(0, service_worker=False).register()
    assert officer.problems == []  # Each test forgets earlier pushes.
    return officer


@pytest.fixture(scope="module")
def phone(sender: Officer, posted: Station, push_service: LocalPushService) -> Sleeper:
    """The phone of a colleague of the sender's station, to whom the sender has written."""
    asleep = posted.officer(8 * len(databank.STATIONS)).register()
    sender.open_direct(asleep)
    sender.say("Good evening, this is the late shift.")
    return Sleeper(asleep, push_service.service)


@pytest.fixture
def pair(
    sender: Officer,
    phone: Sleeper,
    checked: None,  # noqa: ARG001
) -> tuple[Officer, Sleeper]:
    """The sender, and an officer who will sleep; both have their conversation open."""
    phone.open()
    for officer, other in ((sender, phone.officer), (phone.officer, sender)):
        officer.to_chats()
        officer.open_chat(other.person.name)
        officer.message("this is the late shift.").wait_for()
    return sender, phone


def test_a_closed_app_is_woken_decrypts_and_opens_at_the_message(
    pair: tuple[Officer, Sleeper], push_service: LocalPushService
) -> None:
    sender, sleeper = pair
    sleeper.subscribe(detail=True)
    sleeper.sleep()
    sender.say("Roadblock at the Musi bridge from seven.")
    sleeper.woken()
    told = sleeper.told()
    assert told["title"] == sender.person.name
    assert told["body"] == "Roadblock at the Musi bridge from seven."
    assert told["actions"] == ["reply", "read"]
    # The device has fetched: the server pushes it about the next message, in the same notification.
    sender.sees_status("Roadblock at the Musi bridge from seven.", "delivered")
    sender.say("Bring the reflective vests.")
    sleeper.woken()
    sleeper.shows(lambda shown: shown[0]["body"] == "Bring the reflective vests.")
    assert len(sleeper.shown()) == 1
    address = sleeper.tap()
    assert address == f"/#/chats/{told['tag']}"
    sleeper.open(address)
    sleeper.officer.message("Bring the reflective vests.").wait_for()
    sender.sees_status("Bring the reflective vests.", "read")
    sleeper.officer.shot("opened")
    assert push_service.service.wrong == []
    assert len(set(sleeper.pushed())) == 1, "a later push replaces the one before"


def test_mark_as_read_needs_no_page(pair: tuple[Officer, Sleeper]) -> None:
    sender, sleeper = pair
    sleeper.subscribe(detail=False)
    sleeper.sleep()
    sender.say("The night shift begins an hour earlier.")
    sleeper.woken()
    told = sleeper.told()
    assert (told["title"], told["body"]) == ("Cop Connect", sleeper.officer.word("me.newMessage"))
    assert sleeper.tap("read") is None
    sender.sees_status("The night shift begins an hour earlier.", "read")
    assert sleeper.shown() == []


def test_a_reply_is_sent_from_the_notification(pair: tuple[Officer, Sleeper]) -> None:
    sender, sleeper = pair
    sleeper.subscribe(detail=True)
    sleeper.sleep()
    sender.say("Is the gate at the depot shut?")
    sleeper.woken()
    sleeper.told()
    assert sleeper.tap("reply", "  Shut since nine.  ") is None
    sender.message("Shut since nine.").wait_for()
    sender.sees_status("Is the gate at the depot shut?", "read")
    assert sleeper.shown() == []


def test_a_lost_phone_that_sleeps_locks_itself_and_opens_again(
    pair: tuple[Officer, Sleeper],
) -> None:
    """A colleague locks it: the push takes what notifications said from its screen."""
    sender, sleeper = pair
    asleep = sleeper.officer
    sleeper.subscribe(detail=True)
    sleeper.sleep()
    sender.say("The informant waits at gate two.")
    sleeper.woken()
    assert sleeper.told()["body"] == "The informant waits at gate two."

    sender.open_card(asleep)
    sender.button("devices.lost.act").click()
    dialog = sender.page.get_by_role("dialog")
    dialog.get_by_role("button", name=sender.word("devices.lost.lock"), exact=True).click()
    sleeper.woken()
    away = asleep.word("me.push.away")
    sleeper.shows(lambda shown: [one["body"] for one in shown] == [away])

    sender.button("devices.lost.unlock").click()
    dialog.get_by_role("button", name=sender.word("devices.lost.unlock"), exact=True).click()
    sleeper.woken()
    back = asleep.word("me.push.back")
    sleeper.shows(lambda shown: [one["body"] for one in shown] == [back])
    # Messages wake it as before the lock.
    sender.to_chats()
    sender.open_chat(asleep.person.name)
    sender.say("Found under the seat.")
    sleeper.woken()
    sleeper.shows(lambda shown: "Found under the seat." in str(shown))


def test_a_reply_that_cannot_be_sent_is_filled_in(pair: tuple[Officer, Sleeper]) -> None:
    sender, sleeper = pair
    sleeper.subscribe(detail=False)
    sleeper.sleep()
    sender.say("How many barriers are left?")
    sleeper.woken()
    told = sleeper.told()
    sleeper.open()
    sleeper.set_pin()
    sleeper.sleep()
    assert sleeper.tap("reply", "Fourteen barriers.", may_open=False) is None
    (kept,) = sleeper.shown()
    assert kept["body"] == sleeper.officer.word("me.push.notSent")
    address = sleeper.tap()
    assert address == f"/#/chats/{told['tag']}"
    sleeper.open(address)
    composer = sleeper.officer.composer
    until(sleeper.officer.page, lambda: composer.input_value() == "Fourteen barriers.")


def test_a_locked_app_says_new_message(pair: tuple[Officer, Sleeper]) -> None:
    sender, sleeper = pair
    sleeper.subscribe(detail=True)
    sleeper.set_pin()
    sleeper.sleep()
    sender.say("Witness statement is at the front desk.")
    sleeper.woken()
    told = sleeper.told()
    assert (told["title"], told["body"]) == ("Cop Connect", sleeper.officer.word("me.newMessage"))
    assert sleeper.tap() == "/#/chats"


def test_the_push_service_saw_no_content(phone: Sleeper, push_service: LocalPushService) -> None:
    people = [*databank.officers()[:10], phone.officer.person]
    service = push_service.service
    assert len(service.requests) >= 4
    assert service.wrong == []
    seen = json.dumps(
        [(one.path, one.headers, one.body.decode("latin-1")) for one in service.requests]
    )
    needles = [
        secret_text(text)
        for text in (
            "Roadblock at the Musi bridge from seven.",
            "Bring the reflective vests.",
            "The night shift begins an hour earlier.",
            "Witness statement is at the front desk.",
            "The informant waits at gate two.",
            *(one.name for one in people),
            *(one.number for one in people),
        )
    ]
    assert scan([Exhibit("push service", seen.encode())], needles) == []
