"""Every screen, sheet and dialog: axe in both themes, nothing cut off, and a picture to look at;
the screens of every day in Urdu, from right to left, and in Telugu too."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.harness import film, tour, tour_account
from tests.harness.browser import DESKTOP, PHONE, SMALL_PHONE, Officer, Station
from tests.harness.looks import Looks, clipped, cut_off
from tests.harness.recording import RecordingProxy

pytestmark = pytest.mark.usefixtures("checked")

# Nobody of this name has registered.
UNKNOWN = "Lakshmi Murthy"
TELUGU = "గేటు నాలుగు దగ్గర ఇద్దరు కానిస్టేబుళ్ళు సిద్ధంగా ఉన్నారు."
AT_DESK = "The desk has it in its diary."
# Notes each bubble that is drawn from now on, by its message.
NOTE_BUBBLES = """() => {
  const known = new WeakSet();
  window.bubbles = [];
  const note = (bubble) => {
    if (!known.has(bubble)) window.bubbles.push(bubble.dataset.message);
    known.add(bubble);
  };
  new MutationObserver((records) => {
    for (const { addedNodes } of records)
      for (const node of addedNodes)
        if (node instanceof Element) node.querySelectorAll("article").forEach(note);
  }).observe(document, { childList: true, subtree: true });
}"""
FRAMES = "for (let frame = 0; frame < 20; frame++) await new Promise(requestAnimationFrame);"
BUBBLES = f"async () => {{ {FRAMES} return window.bubbles; }}"
# Goes to the newest message and, in the next frame, half a screen up.
UP_AT_ONCE = f"""async (messages) => {{
  messages.dispatchEvent(new KeyboardEvent("keydown", {{ key: "End", bubbles: true }}));
  await new Promise(requestAnimationFrame);
  messages.firstElementChild.scrollBy(0, -400);
  {FRAMES}
}}"""


@pytest.fixture(scope="module")
def line(own_relay: Callable[[], RecordingProxy]) -> RecordingProxy:
    """The phone's own line."""
    return own_relay()


@pytest.fixture(scope="module")
def phone(posted: Station, line: RecordingProxy) -> Looks:
    """Somebody whose phone has never seen the app; in light, where the desk sees the same."""
    return Looks(posted.officer(0, url=line.url), PHONE, ("light",))


@pytest.fixture(scope="module")
def desk(posted: Station) -> Looks:
    """A colleague at a desk, in the dark."""
    return Looks(posted.officer(1, screen=DESKTOP).register(), DESKTOP, ("dark",))


@pytest.fixture(scope="module")
def third(posted: Station) -> Officer:
    """Somebody at a phone who says everything that can be said, and reads it in Urdu and Telugu."""
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
    talk = tour.fill(phone.officer, [third, desk.officer], video, folder)
    desk.officer.open_chat(talk.title)
    desk.officer.say(AT_DESK)
    third.say(TELUGU)
    for other, text in (
        (desk.officer, "పాయింట్ 4 వద్ద ఉన్నాను సార్."),
        (phone.officer, "السلام علیکم، ڈیوٹی لسٹ بھیج دیں۔"),
    ):
        third.to_chats()
        third.open_direct(other)
        third.say(text)
    return talk


def test_first_run(phone: Looks) -> None:
    looks = Looks(phone.officer, PHONE)
    looks.follow(tour_account.first_run(phone.officer))
    assert looks.told() == []


def test_talking_on_a_phone(phone: Looks, third: Officer, talk: tour.Talk) -> None:
    _talk(phone, third, talk, talk.noted)


def test_talking_at_a_desk(desk: Looks, third: Officer, talk: tour.Talk) -> None:
    _talk(desk, third, talk, AT_DESK)


def test_a_chat_of_files_opens_at_its_end_and_stays_where_one_scrolls(
    third: Officer, talk: tour.Talk
) -> None:
    third.to_chats()
    third.page.evaluate(NOTE_BUBBLES)
    third.open_chat(talk.title)
    newest = third.message(TELUGU)
    newest.wait_for()
    # None is drawn twice, though pictures are higher and words lower than the list has guessed.
    bubbles = third.page.evaluate(BUBBLES)
    assert len(bubbles) == len(set(bubbles))
    expect(newest).to_be_in_viewport()
    # Rows that come on screen for the first time are measured, which takes nobody back.
    third.page.get_by_role("region", name=third.word("conversation.messages")).evaluate(UP_AT_ONCE)
    expect(newest).not_to_be_in_viewport()


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


def test_urdu_reads_from_right_to_left(phone: Looks, third: Officer, talk: tour.Talk) -> None:
    looks = Looks(third, PHONE)
    with third.speaking("ur"):
        third.page.reload()
        for stop in tour.in_short(third, talk, phone.officer, UNKNOWN):
            looks.at(stop)
            if stop == "conversation":
                _is_mirrored(third, talk)
            if stop.startswith("person"):
                looks.faults += clipped(third.page.get_by_role("main"))
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


def test_telugu_has_the_room_it_needs(phone: Looks, third: Officer, talk: tour.Talk) -> None:
    looks = Looks(third, PHONE)
    with third.speaking("te"):
        third.page.reload()
        for stop in tour.in_short(third, talk, phone.officer, UNKNOWN):
            looks.at(stop)
            if stop.startswith("person"):
                looks.faults += clipped(third.page.get_by_role("main"))
        looks.faults += _with_large_text(third, talk, phone.officer)
    third.page.set_viewport_size(PHONE)
    third.page.reload()
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


def test_removing_a_device(posted: Station, third: Officer) -> None:
    posted.officer(2).register_waiting()
    looks = Looks(third, PHONE)
    looks.follow(tour_account.removing_device(third))
    assert looks.told() == []


def test_without_network_locked_and_signed_out(phone: Looks, line: RecordingProxy) -> None:
    officer, looks = phone.officer, Looks(phone.officer, PHONE)
    looks.follow(tour_account.offline(officer, line))
    looks.follow(tour_account.locking(officer))
    looks.follow(tour_account.signing_out(officer))
    assert looks.told() == []
