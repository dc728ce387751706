"""Ways through the app that stop at every screen, sheet and dialog.

Each tour is a generator: it brings one officer to a screen, yields the screen's name while it
is there, and continues at the next call. The caller decides what to look
at (:mod:`tests.harness.looks`).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

from playwright.sync_api import Locator, expect

from tests.harness import databank, groups, sharing
from tests.harness.browser import DESKTOP, Officer, until
from tests.harness.pictures import noise_png


@dataclass
class Talk:
    """A group in which everything that can be said has been said."""

    title: str
    album: str
    video: str
    document: str
    place: str
    words: str
    answer: str
    last: str
    noted: str
    pictures: list[Path] = field(default_factory=list)


def fill(writer: Officer, others: list[Officer], video: Path, folder: Path) -> Talk:
    """Make a group of long name and let the second person say everything that can be said."""
    talk = Talk(
        title="Bonalu procession, gates three and four, night shift of the south zone",
        album="Five views of gate three",
        video="Camera fourteen at the junction",
        document="Duty roster of the south zone for the festival week, revised twice.pdf",
        place="17.36156, 78.47467",
        words="Barricades go up at four o'clock sharp. Two constables at each gate.",
        answer="సరే సార్, gate three is ours. میں چوک پر ہوں۔ Reporting at half past three.",
        last="All posts are manned.",
        noted="Noted in the control room's diary.",
    )
    photo = folder / "gate.png"
    photo.write_bytes(noise_png(96, 96))
    groups.create(writer, talk.title, others, photo=photo)
    writer.say(talk.words)
    sender = others[0]
    sender.open_chat(talk.title)
    sender.message(talk.words).wait_for()
    sender.act_on(talk.words, "conversation.reply")
    sender.say(talk.answer)
    for number, (width, height) in enumerate(
        ((640, 480), (480, 640), (640, 360), (400, 400), (640, 480))
    ):
        picture = folder / f"gate-three-{number}.png"
        picture.write_bytes(noise_png(width, height, seed=number))
        talk.pictures.append(picture)
    sharing.choose_files(sender, "gallery", talk.pictures)
    sharing.send_previewed(sender, talk.album)
    sharing.choose_files(sender, "gallery", [video])
    sharing.send_previewed(sender, talk.video)
    document = folder / talk.document
    document.write_bytes(b"%PDF-1.4\n" + b"duty roster " * 9000)
    sender.secrets.text(talk.document)
    sharing.send_files(sender, "document", [document])
    sharing.document(sender, talk.document).wait_for()
    sharing.send_place(sender, talk.place)
    sharing.send_voice(sender)
    sender.say(talk.last)
    writer.message(talk.last).wait_for()
    writer.say(talk.noted)
    sender.message(talk.noted).wait_for()
    return talk


def _back(officer: Officer) -> None:
    officer.page.get_by_role("button", name=officer.word("app.back"), exact=True).last.click()


def _close(officer: Officer) -> None:
    officer.page.keyboard.press("Escape")


def chats(officer: Officer) -> Iterator[str]:
    """The list of chats: full, and with nothing found."""
    officer.to_chats()
    yield "chats"
    officer.page.get_by_role("searchbox", name=officer.word("chats.search")).fill("xyzzy")
    officer.page.get_by_text(officer.word("conversation.find.none")).wait_for()
    yield "chats-none"
    officer.page.get_by_role("searchbox", name=officer.word("chats.search")).fill("")


def starting(officer: Officer, others: list[Officer]) -> Iterator[str]:
    """New chat and new group, as far as the last press."""
    officer.to_chats()
    officer.button("chats.new").click()
    officer.page.get_by_role("button", name=officer.word("groups.newGroup")).wait_for()
    _people(officer).first.wait_for()
    yield "new-chat"
    officer.page.get_by_role("searchbox").fill("Salma Das")
    expect(_people(officer)).to_have_count(1)
    yield "new-chat-not-registered"
    officer.page.get_by_role("searchbox").fill("xyzzy")
    officer.page.get_by_text(officer.word("groups.noPeople")).wait_for()
    yield "new-chat-nobody"
    officer.page.get_by_role("button", name=officer.word("groups.newGroup")).click()
    officer.page.get_by_role("checkbox").first.wait_for()
    yield "new-group"
    groups.choose(officer, others)
    yield "new-group-chosen"
    officer.button("groups.next").click()
    officer.page.get_by_label(officer.word("groups.name"), exact=True).wait_for()
    officer.button("groups.create").click()
    officer.page.get_by_text(officer.word("groups.nameMissing")).wait_for()
    yield "new-group-profile"


def _people(officer: Officer) -> Locator:
    return officer.page.get_by_role("button").filter(has_text="Constable")


def conversation(officer: Officer, talk: Talk) -> Iterator[str]:
    """A conversation that holds everything, what opens over it, and its words."""
    officer.to_chats()
    officer.chat(talk.title).click()
    officer.composer.wait_for()
    officer.message(talk.last).wait_for()
    officer.composer.fill("A draft of two lines\nthat is not sent")
    yield "conversation"
    officer.composer.fill("")
    for name, shown in (
        ("document", sharing.document(officer, talk.document)),
        ("video", officer.message(talk.video)),
        ("album", officer.message(talk.album)),
        ("start", officer.message(talk.words).first),
    ):
        _scroll_to(officer, shown)
        yield f"conversation-{name}"
    # Acts on a message, and answering it.
    officer.open_menu(talk.words)
    officer.page.get_by_role("menuitem").first.wait_for()
    yield "message-menu"
    officer.page.get_by_role("menuitem", name=officer.word("conversation.reply")).click()
    officer.button("conversation.stopReply").wait_for()
    yield "reply"
    officer.button("conversation.stopReply").click()
    officer.composer.press_sequentially("@")
    officer.page.get_by_role("option").first.wait_for()
    yield "mention"
    officer.composer.fill("")
    # Pictures and places open large.
    album = officer.message(talk.album)
    _scroll_to(officer, album)
    album.get_by_role("button", name=re.compile("^Open photo")).nth(1).click()
    expect(officer.page.get_by_role("img", name=talk.album)).to_have_js_property(
        "naturalWidth", 480
    )
    yield "picture-large"
    officer.button("app.close").click()
    place = officer.message(talk.place)
    _scroll_to(officer, place)
    place.get_by_role("button", name=officer.word("media.location.openMap")).click()
    officer.page.get_by_role("dialog", name=officer.word("media.location.title")).wait_for()
    _map_drawn(officer)
    yield "place-large"
    officer.button("app.close").click()
    # The sheet of things that can be shared.
    officer.button("conversation.attach").click()
    officer.page.get_by_role(
        "button", name=officer.word("media.attach.location"), exact=True
    ).wait_for()
    yield "share"
    officer.page.get_by_role(
        "button", name=officer.word("media.attach.location"), exact=True
    ).click()
    officer.button("media.location.send").wait_for()
    expect(officer.button("media.location.send")).to_be_enabled()
    _map_drawn(officer)
    yield "share-place"
    _close(officer)


def _map_drawn(officer: Officer) -> None:
    """Land and names of places come a moment after the map's frame."""
    expect(officer.page.get_by_role("application")).to_have_attribute("aria-busy", "false")


def previewed(officer: Officer, files: list[Path]) -> Iterator[str]:
    """The preview of files chosen in the open conversation, before they are sent; they are not."""
    sharing.choose_files(officer, "gallery", files)
    officer.page.get_by_label(officer.word("media.preview.caption"), exact=True).wait_for()
    yield "share-preview"
    _close(officer)
    officer.composer.wait_for()
    # As documents they are shown too, and go as they are.
    sharing.choose_files(officer, "document", files)
    officer.page.get_by_text(officer.word("media.preview.unchanged")).wait_for()
    yield "share-document"
    _close(officer)
    officer.composer.wait_for()


_IN_VIEW = """(all) => {
  const box = all[0]?.getBoundingClientRect();
  return box !== undefined && box.bottom > 0 && box.top < innerHeight;
}"""


TURN = -600  # Pixels of one turn of the wheel: less than a screen is high.
LONGEST_WAY = 20  # Turns: 12,000 pixels, more than a conversation of a tour has.


def _stays(officer: Officer, shown: Locator) -> bool:
    """Return whether a message is on screen a moment later."""
    officer.page.wait_for_timeout(150)
    return bool(shown.evaluate_all(_IN_VIEW))


def _scroll_to(officer: Officer, shown: Locator) -> None:
    """Bring a message of the open conversation on screen: from the newest upwards."""
    region = officer.page.get_by_role("region", name=officer.word("conversation.messages"))
    region.focus()
    officer.page.keyboard.press("End")
    region.hover()
    steps = cycle(range(LONGEST_WAY + 1))

    def there() -> bool:
        # The list draws what is near the screen, and may let go of it again meanwhile.
        found = shown.evaluate_all(
            "(all) => (all[0]?.scrollIntoView({ block: 'center' }), all.length > 0)"
        )
        if not found:
            # A busy page may draw little of the way up: it starts over then.
            if next(steps) == LONGEST_WAY:
                officer.page.keyboard.press("End")
            officer.page.mouse.wheel(0, TURN)
            return False
        # The key above, or a row that is measured, may move the list only now.
        return all(_stays(officer, shown) for _ in range(2))

    until(officer.page, there)


def details(officer: Officer, other: Officer, talk: Talk) -> Iterator[str]:
    """About a conversation: encryption, its members, what admins do with them."""
    officer.to_chats()
    officer.chat(talk.title).click()
    officer.page.get_by_role("button", name=officer.word("conversation.encrypted")).click()
    officer.page.get_by_text(officer.word("conversation.encryption.check")).wait_for()
    officer.page.get_by_text(officer.word("conversation.encryption.technical")).click()
    yield "encryption"
    _back_to_conversation(officer)
    officer.button("conversation.info").click()
    groups.member_row(officer, other).wait_for()
    officer.heading_of(talk.title).last.scroll_into_view_if_needed()
    yield "info"
    groups.member_row(officer, other).scroll_into_view_if_needed()
    yield "info-members"
    officer.page.get_by_role("button", name=re.compile(f"^{officer.word('groups.mute')}")).click()
    officer.page.get_by_role("dialog", name=officer.word("groups.muteFor.title")).wait_for()
    yield "mute"
    _close(officer)
    officer.button("groups.memberOptions", name=other.person.name).click()
    officer.page.get_by_role("dialog", name=other.person.name).wait_for()
    yield "member"
    if officer.page.get_by_role(
        "button", name=officer.word("groups.remove"), exact=True
    ).is_visible():
        officer.page.get_by_role("button", name=officer.word("groups.remove"), exact=True).click()
        officer.button("groups.removeAction").wait_for()
        yield "member-remove"
        officer.button("app.cancel").click()
        officer.page.get_by_role(
            "button", name=officer.word("groups.addPeople"), exact=True
        ).click()
        officer.page.get_by_role("checkbox").first.wait_for()
        yield "members-add"
        _close(officer)
        officer.page.get_by_role("button", name=officer.word("groups.edit"), exact=True).click()
        officer.button("app.save").wait_for()
        yield "group-edit"
        officer.button("app.cancel").click()
    else:
        _close(officer)
    officer.page.get_by_role("button", name=officer.word("groups.leave"), exact=True).click()
    officer.button("groups.leaveAction").wait_for()
    yield "leave"
    officer.button("app.cancel").click()
    _back_to_conversation(officer)


def _back_to_conversation(officer: Officer) -> None:
    if officer.page.viewport_size == DESKTOP:
        officer.page.keyboard.press("Escape")
        officer.composer.wait_for()
    else:
        _back(officer)
        officer.composer.wait_for()


def receipts(officer: Officer, talk: Talk, text: str) -> Iterator[str]:
    """The page that says who has seen a message of one's own."""
    officer.to_chats()
    officer.chat(talk.title).click()
    _scroll_to(officer, officer.message(text).first)
    officer.act_on(text, "conversation.details")
    officer.page.get_by_text(officer.word("conversation.receipts.read")).wait_for()
    yield "receipts"


def _to_units(officer: Officer) -> None:
    """Scroll past the own station, the chain of command and recents."""
    heading = officer.page.get_by_role("heading", name=officer.word("people.units"))
    search = officer.page.get_by_role("searchbox").bounding_box()
    assert search is not None
    officer.page.mouse.move(search["x"] + 50, search["y"] + 300)

    def reached() -> bool:
        officer.page.mouse.wheel(0, 400)
        return heading.count() == 1

    until(officer.page, reached)
    # The Commissioner's row above names it too.
    units = officer.page.get_by_role("link").filter(has_text="Hyderabad City")
    units.last.scroll_into_view_if_needed()


def people(officer: Officer, other: Officer) -> Iterator[str]:
    """The organisation by units, by search, with filters; a person's card."""
    officer.to_chats()
    officer.page.get_by_role("link", name=officer.word("app.nav.people"), exact=True).click()
    officer.page.get_by_text(officer.word("people.chain"), exact=True).wait_for()
    own = officer.person.post.rsplit(", ", 1)[-1]  # "Station House Officer, Abids".
    officer.page.get_by_role("link").filter(has_text=own).first.wait_for()
    yield "people"
    _to_units(officer)
    yield "people-units"
    officer.page.get_by_role("link").filter(has_text="Hyderabad City").last.click()
    for unit in ("East Zone", "Abids Police Station"):
        officer.page.get_by_role("link").filter(has_text=unit).first.click()
        officer.page.locator("[aria-current=location]").filter(has_text=unit).wait_for()
    officer.page.get_by_text("Anjali Reddy").first.wait_for()
    yield "people-unit"
    officer.button("people.filters").click()
    officer.page.get_by_role("combobox", name=officer.word("people.rank")).wait_for()
    yield "people-filters"
    officer.page.get_by_role("searchbox").fill(other.person.name)
    found = officer.page.get_by_role("link").filter(has_text=other.person.name)
    officer.page.get_by_text(officer.word("people.nobody")).wait_for()
    yield "people-searched"
    officer.button("people.everywhere").click()
    found.first.wait_for()
    yield "people-found"
    officer.page.goto("/#/people")
    officer.page.get_by_role("searchbox").fill(other.person.name)
    _open_first_person(officer, other.person.name)
    yield "person"
    if officer.page.viewport_size != DESKTOP:
        _back(officer)
    officer.page.get_by_role("searchbox").fill("Salma Das")
    _open_first_person(officer, "Salma Das")
    yield "person-not-registered"
    officer.page.goto("/#/people")
    officer.page.get_by_role("searchbox").fill("xyzzy")
    officer.page.get_by_text(officer.word("people.nobody")).wait_for()
    yield "people-nobody"


_AT_REST = """async (row) => {
  const frame = () => new Promise(requestAnimationFrame);
  row.scrollIntoView({ block: "nearest" });
  // The list hears of a scroll with the next frame, and takes no click until it has come to rest.
  do {
    await frame();
    await frame();
  } while (getComputedStyle(row).pointerEvents === "none");
}"""


def _open_first_person(officer: Officer, name: str) -> None:
    """Open the card of a person who was searched for: the first whom the list shows.

    A row that the click itself would have to scroll into view loses the click: the list takes no
    more pointer events between press and release. A row of a post may name the person, too.
    """
    rows = officer.page.get_by_role("main").locator("a[href*='/people/person/']")
    expect(rows.first).to_contain_text(name)
    rows.first.evaluate(_AT_REST)
    rows.first.click()
    officer.heading_of(name).wait_for()


def in_short(officer: Officer, talk: Talk, known: Officer, unknown: str) -> Iterator[str]:
    """The screens of every day in any language, by words that the app ships and by names.

    ``known`` is somebody with whom there is a direct conversation; ``unknown`` has not registered.
    """
    page = officer.page
    officer.to_chats()
    officer.chat(talk.title).wait_for()
    yield "chats"
    officer.chat(talk.title).click()
    officer.composer.wait_for()
    officer.message(talk.last).first.wait_for()
    yield "conversation"
    for name, text in (
        ("document", talk.document),
        ("album", talk.album),
        ("answer", talk.answer),
    ):
        _scroll_to(officer, officer.message(text))
        yield f"conversation-{name}"
    officer.button("conversation.attach").click()
    page.get_by_role("button", name=officer.word("media.attach.location"), exact=True).wait_for()
    yield "share"
    _close(officer)
    officer.button("conversation.info").click()
    page.get_by_role("button", name=officer.word("groups.leave"), exact=True).wait_for()
    yield "info"
    for name, key in (("people", "people.title"), ("me", "me.title")):
        page.goto(f"/#/{name}")
        officer.heading(key).wait_for()
        if name == "people":
            page.get_by_role("main").get_by_role("link").first.wait_for()
        yield name
    page.goto("/#/me/devices")
    page.get_by_role("region", name=officer.word("me.devices"), exact=True).wait_for()
    yield "me-devices"
    yield from cards(officer, known.person.name, unknown)


def cards(officer: Officer, known: str, unknown: str) -> Iterator[str]:
    """The cards of two people, found by their names: with a device, and not registered."""
    page = officer.page
    names = {person.name: person.name_te for person in databank.officers()}
    for name, said in (
        (known, officer.word("devices.how.first")),
        (unknown, officer.word("people.notRegistered")),
    ):
        page.goto("/#/people")
        page.get_by_role("searchbox").fill(name)
        shown = names[name] if officer.language == "te" else name
        _open_first_person(officer, shown)
        page.get_by_text(said, exact=True).wait_for()
        yield f"person-{name.partition(' ')[0].lower()}"
