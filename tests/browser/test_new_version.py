"""The app can be installed, and the person's word brings its new versions to every page of the
device."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.harness.another_app import AnotherApp
from tests.harness.browser import Officer, Station

pytestmark = pytest.mark.service_worker

# The server refuses this version of the wire, says the next end of a connection.
REFUSED = """() => Object.defineProperty(CloseEvent.prototype, "code", { get: () => 4400 })"""
# A browser that stops the old worker at a bad moment does this.
FORGETS_ONCE = """() => {
  const real = self.skipWaiting.bind(self);
  self.skipWaiting = async () => { self.skipWaiting = real; };
}"""
PLATES = """async (icons) => Promise.all(icons.map(async ({ src }) => {
  const image = new Image();
  image.src = src;
  await image.decode();
  return `${image.naturalWidth}x${image.naturalHeight}`;
}))"""
OFFER = """() => {
  const offer = new Event("beforeinstallprompt", { cancelable: true });
  offer.prompt = async () => { window.prompted = true; };
  dispatchEvent(offer);
  return offer.defaultPrevented;
}"""


@pytest.fixture(scope="module")
def app_server(department: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AnotherApp]:
    """A server with a web app that can change."""
    data = tmp_path_factory.mktemp("another") / "data"
    shutil.copytree(department, data)
    server = AnotherApp(data, otp_resend_ms=0)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def device(posted: Station) -> Officer:
    """An officer whose app the service worker serves, with another tab."""
    officer = posted.officer(0).register()
    officer.page.evaluate("navigator.serviceWorker.ready.then(() => undefined)")
    second = officer.second_tab()
    second.goto("/")
    second.get_by_role("heading", name=officer.word("chats.title"), exact=True).wait_for()
    return officer


@pytest.fixture
def officer(device: Officer, checked: None) -> Officer:  # noqa: ARG001
    """The officer with two tabs, whatever version both show."""
    for page in device.context.pages[2:]:
        page.close()
    return device


def show(page: Page, version: str) -> None:
    """Wait until a page is of this version."""
    expect(page.locator("html")).to_have_attribute("data-version", version)


def release(officer: Officer, server: AnotherApp, version: str) -> None:
    """Serve a next version, and refuse the old one: its pages send nothing more."""
    for page in officer.context.pages:
        page.wait_for_load_state("networkidle")
        for worker in page.workers:
            worker.evaluate(REFUSED)
    server.release(version)
    for page in officer.context.pages:
        page.get_by_text(officer.word("app.status.update")).wait_for()


def fetch(officer: Officer) -> None:
    """Let the browser fetch a new version, which then waits for the person's word."""
    officer.page.evaluate(
        "navigator.serviceWorker.ready.then((registration) => registration.update())"
    )
    officer.button("me.updateNow").wait_for()


def take(officer: Officer, key: str, version: str, loading: Page | None = None) -> None:
    """Take the new version by a button, once no other page loads; wait until it is shown.

    Chromium under a debugger stops a worker that is to be replaced although requests are under way,
    starts it again for them, and has then forgotten to replace it.
    """
    for page in officer.context.pages:
        if page is not loading:
            page.wait_for_load_state("networkidle")
    officer.button(key).click()
    for page in officer.context.pages:
        if page is not loading:
            show(page, version)


def test_the_app_can_be_installed(officer: Officer) -> None:
    page = officer.page
    address = page.locator("link[rel=manifest]").get_attribute("href")
    answer = page.request.get(str(address))
    assert answer.headers["content-type"].startswith("application/manifest+json")
    manifest = answer.json()
    assert manifest["name"] == manifest["short_name"] == "Cop Connect"
    assert (manifest["start_url"], manifest["scope"]) == ("/", "/")
    assert manifest["display"] == "standalone"
    drawn = [icon for icon in manifest["icons"] if icon["sizes"] != "any"]
    uses = {(icon["sizes"], icon.get("purpose", "any")) for icon in drawn}
    assert {("192x192", "any"), ("512x512", "any"), ("512x512", "maskable")} <= uses
    assert page.evaluate(PLATES, drawn) == [icon["sizes"] for icon in drawn]
    # Chromium itself finds no obstacle.
    page.evaluate("navigator.serviceWorker.ready.then(() => undefined)")
    browser = officer.context.new_cdp_session(page)
    found = browser.send("Page.getAppManifest")
    assert found["errors"] == []
    hindered = browser.send("Page.getInstallabilityErrors")["installabilityErrors"]
    # Contexts of tests are private windows, from which nothing is installed.
    assert [one["errorId"] for one in hindered if one["errorId"] != "in-incognito"] == []

    page.goto("/#/me")
    officer.heading("me.title").wait_for()
    offered = page.get_by_role("button").filter(has_text=officer.word("me.install"))
    expect(offered).to_have_count(0)
    assert page.evaluate(OFFER)
    offered.wait_for()
    officer.shot("install")
    offered.click()
    expect(offered).to_have_count(0)
    assert page.evaluate("window.prompted")
    officer.to_chats()


def test_reload_takes_the_new_version_in_every_tab(
    officer: Officer, app_server: AnotherApp
) -> None:
    for version in ("second", "third"):
        release(officer, app_server, version)
        if version == "third":
            # It has been fetched and waits, and a reload alone changes nothing.
            fetch(officer)
            third = officer.second_tab()
            third.goto("/")
            show(third, "second")
            for worker in officer.context.service_workers:
                worker.evaluate(FORGETS_ONCE)
        take(officer, "app.status.reload", version)
        officer.heading("chats.title").wait_for()
        expect(officer.page.get_by_text(officer.word("app.status.update"))).to_have_count(0)


def test_a_tab_that_loads_while_another_takes_the_new_version_takes_it_too(
    officer: Officer, app_server: AnotherApp
) -> None:
    release(officer, app_server, "old")
    fetch(officer)
    take(officer, "me.updateNow", "old")
    release(officer, app_server, "new")
    fetch(officer)
    loading = officer.second_tab()
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    loading.route("**/assets/index-*-old.js", hold)
    loading.goto("/", wait_until="commit")
    while not held:
        loading.wait_for_timeout(50)
    show(loading, "old")
    take(officer, "me.updateNow", "new", loading)
    show(loading, "old")
    held[0].continue_()
    show(loading, "new")


def test_a_version_that_cannot_be_fetched_is_said_and_the_page_stays(
    officer: Officer, app_server: AnotherApp
) -> None:
    release(officer, app_server, "fourth")
    reload = officer.button("app.status.reload")
    reload.wait_for()
    app_server.kill()
    reload.click()
    officer.page.get_by_text(officer.word("app.status.updateFailed")).wait_for()
    expect(reload).to_be_enabled()
    app_server.start()
    reload.click()
    show(officer.page, "fourth")
