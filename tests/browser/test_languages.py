"""The screens of every day in Urdu, from right to left, and in Telugu: axe in both themes, nothing
cut off, and pictures to look at."""

import pytest
from playwright.sync_api import Locator, expect

from tests.harness import film, tour
from tests.harness.browser import PHONE, SMALL_PHONE, Officer, Station
from tests.harness.looks import Looks, clipped, cut_off

pytestmark = pytest.mark.usefixtures("checked")

# Nobody of this name has registered.
UNKNOWN = "Lakshmi Murthy"
TELUGU = "గేటు నాలుగు దగ్గర ఇద్దరు కానిస్టేబుళ్ళు సిద్ధంగా ఉన్నారు."


@pytest.fixture(scope="module")
def crew(posted: Station) -> tuple[Officer, Officer, Officer]:
    """Three officers: the first writes in English, the second in Urdu, the third in Telugu."""
    english = posted.officer(0).register()
    urdu = posted.officer(1, language="ur").register()
    telugu = posted.officer(2, language="te").register()
    return english, urdu, telugu


@pytest.fixture(scope="module")
def talk(
    crew: tuple[Officer, Officer, Officer], tmp_path_factory: pytest.TempPathFactory
) -> tour.Talk:
    """The group of the three, in which everything has been said; each pair has spoken alone."""
    english, urdu, telugu = crew
    folder = tmp_path_factory.mktemp("shared")
    video = folder / "junction-camera-14.webm"
    video.write_bytes(film.indexed(film.recorded()))
    talk = tour.fill(english, [urdu, telugu], video, folder)
    telugu.open_chat(talk.title)
    telugu.say(TELUGU)
    telugu.to_chats()
    telugu.open_direct(english)
    telugu.say("పాయింట్ 4 వద్ద ఉన్నాను సార్.")
    urdu.to_chats()
    urdu.open_direct(english)
    urdu.say("السلام علیکم، ڈیوٹی لسٹ بھیج دیں۔")
    return talk


def test_urdu_reads_from_right_to_left(
    crew: tuple[Officer, Officer, Officer], talk: tour.Talk
) -> None:
    english, urdu, _ = crew
    looks = Looks(urdu, PHONE)
    for stop in tour.in_short(urdu, talk, english, UNKNOWN):
        looks.at(stop)
        if stop == "conversation":
            _is_mirrored(urdu, talk)
        if stop.startswith("person"):
            looks.faults += clipped(urdu.page.get_by_role("main"))
    assert looks.told() == []


def _is_mirrored(officer: Officer, talk: tour.Talk) -> None:
    """One's own words stand where reading ends, others' where it begins; so do the acts."""
    middle = PHONE["width"] / 2
    own = officer.message(talk.last).get_by_text(talk.last, exact=True)
    others = officer.message(talk.noted).get_by_text(talk.noted, exact=True)
    assert _centre(own) < middle < _centre(others)
    back = officer.page.get_by_role("button", name=officer.word("app.back"), exact=True).last
    assert _centre(officer.button("conversation.info")) < middle < _centre(back)
    assert _centre(officer.button("media.voice.record")) < middle


def _centre(shown: Locator) -> float:
    box = shown.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2


def test_telugu_has_the_room_it_needs(
    crew: tuple[Officer, Officer, Officer], talk: tour.Talk
) -> None:
    english, _, telugu = crew
    looks = Looks(telugu, PHONE)
    for stop in tour.in_short(telugu, talk, english, UNKNOWN):
        looks.at(stop)
        if stop.startswith("person"):
            looks.faults += clipped(telugu.page.get_by_role("main"))
    looks.faults += _with_large_text(telugu, talk, english)
    assert looks.told() == []


def _with_large_text(officer: Officer, talk: tour.Talk, known: Officer) -> list[str]:
    """A conversation and a person's card with text of twice the size, on the smallest phone."""
    page = officer.page
    page.set_viewport_size(SMALL_PHONE)
    large = "document.documentElement.style.fontSize = '200%'"
    found: list[str] = []
    page.goto("/#/chats")
    officer.open_chat(talk.title)
    # It opened where it was left.
    officer.button("conversation.toBottom").click()
    expect(officer.message(TELUGU)).to_be_in_viewport()
    page.evaluate(large)
    expect(officer.message(TELUGU)).to_be_in_viewport()
    officer.shot("large-conversation")
    found += [f"large conversation: {fault}" for fault in cut_off(page)]
    for stop in tour.cards(officer, known.person.name, UNKNOWN):
        page.evaluate(large)
        officer.shot(f"large-{stop}")
        cut = [*cut_off(page), *clipped(page.get_by_role("main"))]
        found += [f"large {stop}: {fault}" for fault in cut]
    return found
