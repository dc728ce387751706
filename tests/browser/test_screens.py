"""Every screen, sheet and dialog: axe in both themes, nothing cut off, and a picture to look at."""

from collections.abc import Callable

import pytest

from tests.harness import film, tour, tour_account
from tests.harness.browser import DESKTOP, PHONE, Officer, Station
from tests.harness.looks import Looks
from tests.harness.recording import RecordingProxy

pytestmark = pytest.mark.usefixtures("checked")


@pytest.fixture(scope="module")
def line(own_relay: Callable[[], RecordingProxy]) -> RecordingProxy:
    """The phone's own line."""
    return own_relay()


@pytest.fixture(scope="module")
def phone(posted: Station, line: RecordingProxy) -> Looks:
    """Somebody whose phone has never seen the app."""
    return Looks(posted.officer(0, url=line.url), PHONE)


@pytest.fixture(scope="module")
def desk(posted: Station) -> Looks:
    """A colleague at a desk."""
    return Looks(posted.officer(1, screen=DESKTOP).register(), DESKTOP)


@pytest.fixture(scope="module")
def third(posted: Station) -> Officer:
    """Somebody whom nobody looks at."""
    return posted.officer(2).register()


@pytest.fixture(scope="module")
def talk(
    phone: Looks,
    desk: Looks,
    third: Officer,
    tmp_path_factory: pytest.TempPathFactory,
) -> tour.Talk:
    """The group of the three, in which everything has been said."""
    folder = tmp_path_factory.mktemp("shared")
    video = folder / "junction-camera-14.webm"
    video.write_bytes(film.indexed(film.recorded()))
    return tour.fill(phone.officer, [desk.officer, third], video, folder)


def test_first_run(phone: Looks) -> None:
    phone.follow(tour_account.first_run(phone.officer))
    assert phone.told() == []


def test_talking_on_a_phone(phone: Looks, third: Officer, talk: tour.Talk) -> None:
    _talk(phone, third, talk, talk.noted)


def test_talking_at_a_desk(desk: Looks, third: Officer, talk: tour.Talk) -> None:
    _talk(desk, third, talk, talk.last)


def _talk(looks: Looks, third: Officer, talk: tour.Talk, own: str) -> None:
    officer = looks.officer
    looks.follow(tour.chats(officer))
    looks.follow(tour.starting(officer, [third]))
    looks.follow(tour.conversation(officer, talk))
    looks.follow(tour.previewed(officer, talk.pictures))
    looks.follow(tour.details(officer, third, talk))
    looks.follow(tour.receipts(officer, talk, own))
    assert looks.told() == []


@pytest.mark.parametrize("where", ["phone", "desk"])
def test_people_and_me(where: str, phone: Looks, desk: Looks, third: Officer) -> None:
    looks = {"phone": phone, "desk": desk}[where]
    looks.follow(tour.people(looks.officer, third))
    looks.follow(tour_account.me(looks.officer))
    assert looks.told() == []


def test_removing_a_device(posted: Station, third: Officer) -> None:
    posted.officer(2).register_waiting()
    looks = Looks(third, PHONE)
    looks.follow(tour_account.removing_device(third))
    assert looks.told() == []


def test_without_network_locked_and_signed_out(phone: Looks, line: RecordingProxy) -> None:
    officer = phone.officer
    phone.follow(tour_account.offline(officer, line))
    phone.follow(tour_account.locking(officer))
    phone.follow(tour_account.signing_out(officer))
    assert phone.told() == []
