"""Fixtures of the browser tests: Chromium, a server of the module's own, officers.

Everything between browsers and server passes the recording relay, so that any test can ask what
was sent. Playwright's synchronous driver occupies the main thread's event loop: where other tests
run in the session, which may be asynchronous, it lives for one module only.
"""

import contextlib
import re
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.harness import confirming, databank
from tests.harness.browser import DESKTOP, PHONE, ROOT, STEP_LIMIT_MS, Officer, Station
from tests.harness.chromium import Browsers
from tests.harness.evidence import Secrets, search
from tests.harness.looks import Looks
from tests.harness.recording import RecordingProxy
from tests.harness.server import ServerProcess

WEB_APP = ROOT / "src" / "copconnect" / "web_app" / "index.html"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell fixtures how the test went."""
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


FAILED = pytest.StashKey[bool]()


def has_service_worker(request: pytest.FixtureRequest) -> bool:
    """Whether the test or its module says that it needs the app's service worker: to start
    without a network, to be notified, to stream a video."""
    node: pytest.Item | pytest.Module = request.node
    return node.get_closest_marker("service_worker") is not None


def _life(fixture_name: str, config: pytest.Config) -> Literal["session", "module"]:
    """Playwright's driver and browsers live as long as the session where that runs nothing else: to
    start them takes as long as to register two officers."""
    del fixture_name
    here = Path(__file__).parent
    places = [Path(one.partition("::")[0]).resolve() for one in config.args]
    return "session" if all(here in (one, *one.parents) for one in places) else "module"


@pytest.fixture(scope=_life)
def browsers() -> Iterator[Browsers]:
    """Chromium, started when it is asked for."""
    expect.set_options(timeout=STEP_LIMIT_MS)
    with sync_playwright() as playwright, contextlib.closing(Browsers(playwright)) as browsers:
        yield browsers


def browser_of(request: pytest.FixtureRequest) -> Browser:
    """Return the browser that the test or its module needs."""
    notifies = request.node.get_closest_marker("notifications") is not None
    browsers: Browsers = request.getfixturevalue("browsers")
    return browsers.get(notifies=notifies)


@pytest.fixture(scope="module")
def app_server(serve: Callable[..., ServerProcess]) -> ServerProcess:
    """The server of this module's tests, with the built web app."""
    if not WEB_APP.exists():
        raise RuntimeError("the web app is not built: run make web")
    return serve(
        otp_per_number_and_address_per_day=1_000, otp_per_number_per_day=1_000, otp_resend_ms=0
    )


@pytest.fixture(scope="module")
def relay(app_server: ServerProcess) -> Iterator[RecordingProxy]:
    """Records everything between this module's browsers and the server."""
    with RecordingProxy(app_server.port) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def own_relays() -> list[RecordingProxy]:
    """The relays that ``own_relay`` made."""
    return []


@pytest.fixture(scope="module")
def own_relay(
    app_server: ServerProcess, own_relays: list[RecordingProxy]
) -> Iterator[Callable[[], RecordingProxy]]:
    """Call it for a relay of one officer's own, which can be cut without the others."""
    with contextlib.ExitStack() as stack:

        def make() -> RecordingProxy:
            proxy = stack.enter_context(RecordingProxy(app_server.port))
            own_relays.append(proxy)
            return proxy

        yield make


@pytest.fixture(scope="module")
def secrets(
    app_server: ServerProcess, relay: RecordingProxy, own_relays: list[RecordingProxy]
) -> Iterator[Secrets]:
    """The texts that this module's officers say and send. At the end none is found anywhere."""
    secrets = Secrets()
    yield secrets
    control = secrets.known or databank.officers()[0].number
    assert search(secrets, [relay, *own_relays], app_server, control) == []


@pytest.fixture
def artefacts(request: pytest.FixtureRequest) -> Path:
    """The folder of this test's screenshots."""
    module = request.path.stem.removeprefix("test_")
    test = re.sub(r"[^\w.-]+", "-", request.node.name.removeprefix("test_"))
    return ROOT / ".artefacts" / "screenshots" / module / test


@pytest.fixture
def station(
    request: pytest.FixtureRequest,
    app_server: ServerProcess,
    relay: RecordingProxy,
    artefacts: Path,
    secrets: Secrets,
) -> Iterator[Station]:
    """Officers of one test. Fails at the end when a page had an error that nobody expected."""
    station = Station(
        *(browser_of(request), relay.url, app_server.code_for, artefacts, secrets),
        service_worker=has_service_worker(request),
    )
    yield station
    failed = request.node.stash.get(FAILED, True)
    problems = station.problems()
    station.close(failed=failed or bool(problems))
    if not failed:
        assert problems == []


@pytest.fixture(scope="module")
def posted(
    request: pytest.FixtureRequest,
    app_server: ServerProcess,
    relay: RecordingProxy,
    secrets: Secrets,
) -> Iterator[Station]:
    """Officers whom the module's tests share. Such tests ask for ``checked`` too."""
    folder = ROOT / ".artefacts" / "screenshots" / request.path.stem.removeprefix("test_")
    posted = Station(
        *(browser_of(request), relay.url, app_server.code_for, folder, secrets),
        service_worker=has_service_worker(request),
    )
    yield posted
    posted.close(failed=False)


@pytest.fixture
def checked(request: pytest.FixtureRequest, posted: Station) -> Iterator[None]:
    """Fails a test in which a page of the shared officers had an error that nobody expected."""
    for officer in posted.officers:
        officer.problems.clear()
    yield
    failed = request.node.stash.get(FAILED, True)
    problems = posted.problems()
    if failed or problems:
        posted.keep_evidence()
    if not failed:
        assert problems == []


@pytest.fixture(scope="module")
def crew(posted: Station) -> tuple[Officer, Officer, Officer]:
    """Three registered officers of the module."""
    first, second, third = (posted.officer(index).register() for index in range(3))
    return first, second, third


@pytest.fixture
def trio(
    crew: tuple[Officer, Officer, Officer],
    checked: None,  # noqa: ARG001
) -> tuple[Officer, Officer, Officer]:
    """The module's three officers, each at the list of chats."""
    for officer in crew:
        officer.to_chats()
    return crew


@pytest.fixture(scope="module")
def colleague(posted: Station) -> Officer:
    """An officer of the module who talks to those of each test, and whose own device no test
    changes."""
    return posted.officer(0, service_worker=False).register()


@pytest.fixture
def other(
    colleague: Officer,
    checked: None,  # noqa: ARG001
) -> Officer:
    """The module's colleague, at the list of chats."""
    colleague.to_chats()
    return colleague


@pytest.fixture(scope="module")
def root_admin(app_server: ServerProcess, posted: Station) -> Officer:
    """The module's root admin, at a desk."""
    return confirming.root_admin(app_server, posted, databank.SIZE - 1)


@pytest.fixture(scope="module")
def pocket_admin(app_server: ServerProcess, posted: Station) -> Officer:
    """Another root admin of the module, at a phone."""
    return confirming.root_admin(app_server, posted, databank.SIZE - 2, screen=PHONE)


@pytest.fixture
def console(
    request: pytest.FixtureRequest,
    size: str,
    language: str,
    checked: None,  # noqa: ARG001
) -> Iterator[Looks]:
    """The console of a module's root admin, at a desk or a phone, in the language of the test."""
    at_desk = size == "desk"
    officer: Officer = request.getfixturevalue("root_admin" if at_desk else "pocket_admin")
    officer.to_chats()
    with officer.speaking(language):
        yield Looks(officer, DESKTOP if at_desk else PHONE)


@pytest.fixture
def chief(
    root_admin: Officer,
    checked: None,  # noqa: ARG001
) -> Officer:
    """The module's root admin, at the list of chats."""
    root_admin.to_chats()
    return root_admin
