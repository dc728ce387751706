"""A new version of the app: the person's word brings it to every page of the device."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.harness.another_app import AnotherApp
from tests.harness.browser import Officer, Station

pytestmark = pytest.mark.service_worker

# The server refuses this version of the wire, says the next end of a connection.
REFUSED = """() => Object.defineProperty(CloseEvent.prototype, "code", { get: () => 4400 })"""


@pytest.fixture(scope="module")
def app_server(department: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AnotherApp]:
    """A server with a web app that can change."""
    data = tmp_path_factory.mktemp("another") / "data"
    shutil.copytree(department, data)
    server = AnotherApp(data, otp_resend_ms=0)
    server.start()
    yield server
    server.stop()


def two_tabs(station: Station, index: int) -> tuple[Officer, Page]:
    """An officer whose app the service worker serves, and another tab of theirs."""
    officer = station.officer(index).register()
    officer.page.evaluate("navigator.serviceWorker.ready.then(() => undefined)")
    second = officer.second_tab()
    second.goto("/")
    second.get_by_role("heading", name=officer.word("chats.title"), exact=True).wait_for()
    return officer, second


def show(page: Page, version: str) -> None:
    """Wait until a page is of this version."""
    expect(page.locator("html")).to_have_attribute("data-version", version)


def test_reload_takes_the_new_version_in_every_tab(
    station: Station, app_server: AnotherApp
) -> None:
    officer, second = two_tabs(station, 0)
    for version in ("second", "third"):
        for page in (officer.page, second):
            for worker in page.workers:
                worker.evaluate(REFUSED)
        app_server.release(version)
        officer.page.get_by_text(officer.word("app.status.update")).wait_for()
        if version == "third":
            # It has been fetched and waits, and a reload alone changes nothing.
            officer.page.evaluate(
                "navigator.serviceWorker.ready.then((registration) => registration.update())"
            )
            officer.button("me.updateNow").wait_for()
            third = officer.second_tab()
            third.goto("/")
            show(third, "second")
        officer.button("app.status.reload").click()
        for page in officer.context.pages:
            show(page, version)
        officer.heading("chats.title").wait_for()
        expect(officer.page.get_by_text(officer.word("app.status.update"))).to_have_count(0)


def test_a_version_that_cannot_be_fetched_is_said_and_the_page_stays(
    station: Station, app_server: AnotherApp
) -> None:
    officer, _ = two_tabs(station, 1)
    for page in officer.context.pages:
        for worker in page.workers:
            worker.evaluate(REFUSED)
    app_server.release("fourth")
    reload = officer.button("app.status.reload")
    reload.wait_for()
    app_server.kill()
    reload.click()
    officer.page.get_by_text(officer.word("app.status.updateFailed")).wait_for()
    expect(reload).to_be_enabled()
    app_server.start()
    reload.click()
    show(officer.page, "fourth")
