"""An order's life among two commanders and three officers, one of them with two devices: issued,
answered with and without a network, corrected, withdrawn, counted; and a flash order beside it.

Before it an issuer follows an order, cannot mark whom others oversee, and exports it; the file is
verified without the server."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.harness import confirming, groups
from tests.harness.browser import DESKTOP, Officer, Station
from tests.harness.commanding import let_issue
from tests.harness.pictures import noise_png
from tests.harness.recording import RecordingProxy
from tests.harness.server import ServerProcess, run_copconnect

pytestmark = pytest.mark.service_worker

GROUP = "Clock tower bandobast"
TITLE = "Picket at the clock tower from six"
TEXT = "Two constables from each station, with reflective vests."
CORRECTED = "Three constables from each station, with reflective vests."
REASON = "The crowd is larger than foreseen."
REFERENCE = "CP/2231/L&O/2026"
COMING, CANNOT = "We come with both cars", "We have nobody to spare"
NEAR, UNDERPASS, STALE = (
    "Seven constables, ten minutes away.",
    "Held up in the underpass, no signal.",
    "Four of us, from the northern gate.",
)
FLASH = "Close the eastern bridge at once"
BRIDGES = "Close both bridges at once"
OVER = "The rally was called off."
DUTY = "Bandobast at the clock tower"
DUTY_TEXT = "Two constables from each station at 18:00."
DUTY_IN_TELUGU = "క్లాక్ టవర్ వద్ద బందోబస్తు"
ITEMS = ("Barricades set", "Floodlights tried")
ITEMS_IN_TELUGU = ("బారికేడ్లు పెట్టాం", "లైట్లు పరీక్షించాం")
SECONDS = 30_000  # A loaded machine may take so long; a quiet one takes two seconds.


@dataclass
class Cast:
    """Four people, one at two devices. ``phone`` and ``desk`` are one officer's; ``away`` and
    ``phone`` share a line that can be cut. Each commander leads the station of one officer:
    ``first`` that of ``near`` and ``phone``, ``second`` that of ``away``."""

    first: Officer
    second: Officer
    near: Officer
    away: Officer
    phone: Officer
    desk: Officer


@pytest.fixture(scope="module")
def line(own_relay: Callable[[], RecordingProxy]) -> RecordingProxy:
    """The line of ``away`` and ``phone``."""
    return own_relay()


@pytest.fixture(scope="module")
def everybody(
    posted: Station,
    line: RecordingProxy,
    app_server: ServerProcess,
    tmp_path_factory: pytest.TempPathFactory,
) -> Cast:
    """Register everybody, and make the group that both commanders administer."""
    first, second, near = (posted.officer(at, service_worker=False).register() for at in (0, 1, 6))
    let_issue(app_server, tmp_path_factory.mktemp("rights"), [first.person, second.person])
    away, phone = (posted.officer(at, url=line.url).register() for at in (7, 12))
    desk = posted.officer(12, screen=DESKTOP, service_worker=False).register_waiting()
    confirming.confirm(phone, desk)
    groups.create(first, GROUP, [second, near, away, phone])
    groups.open_info(first)
    groups.act_on(first, second, "groups.makeAdmin")
    groups.close_info(first)
    return Cast(first, second, near, away, phone, desk)


@pytest.fixture
def cast(everybody: Cast, checked: None) -> Cast:  # noqa: ARG001
    """The module's people, each at the list of chats."""
    for officer in vars(everybody).values():
        officer.to_chats()
    return everybody


def fill(officer: Officer, key: str, text: str, **values: object) -> None:
    """Write into the field with this label; the text is a secret from then on."""
    officer.secrets.text(text)
    officer.page.get_by_label(officer.word(key, **values), exact=True).fill(text)


def compose(officer: Officer, title: str) -> None:
    """Begin an order to the group."""
    officer.page.goto("/#/orders")
    officer.button("orders.new").first.click()
    officer.button("orders.compose.chooseAudience").click()
    audience = officer.page.get_by_role("dialog", name=officer.word("orders.compose.audience"))
    audience.get_by_role("button").filter(has_text=GROUP).click()
    fill(officer, "orders.compose.title", title)


def badge(officer: Officer, owed: int) -> None:
    """Wait until the tab says how many orders this officer owes."""
    said = officer.word("orders.owed_one" if owed == 1 else "orders.owed_other", count=owed)
    tab = officer.page.get_by_role("navigation").get_by_role(
        "link", name=re.compile(rf"^{officer.word('orders.title')}")
    )
    if owed == 0:
        expect(tab).to_have_text(officer.word("orders.title"))
    else:
        expect(tab).to_contain_text(said)


def open_order(officer: Officer, title: str, box: str = "open") -> None:
    """From the tab to the order's page."""
    officer.page.goto("/#/orders")
    boxes = officer.page.get_by_role("group", name=officer.word("orders.boxes"), exact=True)
    boxes.get_by_role("button", name=officer.word(f"orders.box.{box}")).click()
    officer.page.get_by_role("link").filter(has_text=title).first.click()
    officer.page.get_by_role("heading", name=title, exact=True).wait_for()


def answer(officer: Officer, choice: str, text: str = "") -> None:
    """Choose, on the order's page, with a short answer or without."""
    if text:
        fill(officer, "orders.answer.label", text)
    officer.page.get_by_role("button", name=choice, exact=True).click()


def state(officer: Officer, key: str, **values: object) -> Locator:
    """The state that the order's page shows, whatever its moment."""
    said = re.escape(officer.word(f"orders.state.{key}", **values))
    return officer.page.get_by_role("status").filter(
        has_text=re.compile(re.sub(r"\\\{\\\{\w+\\\}\\\}", ".+", said))
    )


def change(
    officer: Officer, act: str, reason: str, *, asks_again: bool = False, **words: str
) -> None:
    """Correct or withdraw the order whose page is open. ``words``: the new title or text."""
    officer.button(f"orders.page.{act}").click()
    dialog = officer.page.get_by_role("dialog")
    for field, said in words.items():
        fill(officer, f"orders.compose.{field}", said)
    fill(officer, "orders.reason", reason)
    if act == "correct" and not asks_again:
        dialog.get_by_role("switch", name=officer.word("orders.correct.again")).click()
    dialog.get_by_role("button", name=officer.word(f"orders.{act}.send"), exact=True).click()
    dialog.wait_for(state="detached")


def banner(officer: Officer, title: str) -> Locator:
    """The flash order above every page."""
    said = officer.word("orders.flash.banner", title=title)
    return officer.page.get_by_role("alert").get_by_role("link", name=said, exact=True)


def progress(officer: Officer, title: str, acknowledged: int, owed: int) -> None:
    """From an order that this officer issued to who has acknowledged it."""
    open_order(officer, title, "issued")
    officer.button("orders.page.progress").click()
    said = officer.word("orders.acknowledgedOf", number=acknowledged, owed=owed)
    officer.page.get_by_text(said, exact=True).first.wait_for()


def view(officer: Officer, tab: str) -> None:
    """Choose one of the views of the progress."""
    officer.button(f"oversee.tab.{tab}").click()


def issue(issuer: Officer, people: list[Officer]) -> None:
    """Make a group, and issue an order in two languages to it, with a checklist and a photo."""
    groups.create(issuer, "Bandobast desk", people)
    conversation_id = issuer.page.url.rsplit("/", 1)[-1]
    issuer.secrets.text(DUTY, DUTY_TEXT)
    issuer.page.goto(f"/#/orders/new/to/{conversation_id}")
    issuer.page.get_by_label(issuer.word("orders.compose.title"), exact=True).fill(DUTY)
    issuer.page.get_by_label(issuer.word("orders.compose.text"), exact=True).fill(DUTY_TEXT)
    for _ in ITEMS:
        issuer.button("orders.compose.addItem").click()
    issuer.button("orders.compose.addLanguage", name="తెలుగు").click()
    fill(issuer, "orders.compose.title", DUTY_IN_TELUGU)
    for items, language in ((ITEMS_IN_TELUGU, None), (ITEMS, "English")):
        if language is not None:
            issuer.page.get_by_role("button", name=language, exact=True).click()
        for number, item in enumerate(items, 1):
            fill(issuer, "orders.compose.item", item, number=number)
    issuer.page.get_by_role("switch", name=issuer.word("orders.compose.photo")).click()
    issuer.button("orders.compose.send").click()
    issuer.page.get_by_text(DUTY).first.wait_for(timeout=SECONDS)


def open_duty(officer: Officer) -> None:
    """From the tab to the page of that order."""
    officer.page.goto("/#/orders")
    officer.page.get_by_role("link").filter(has_text=DUTY).first.click(timeout=SECONDS)


def test_an_order_is_followed_and_exported(
    cast: Cast, app_server: ServerProcess, tmp_path: Path
) -> None:
    issuer, quick, slow = cast.first, cast.near, cast.away
    issue(issuer, [quick, slow])
    issuer.page.goto("/#/orders")
    issuer.page.get_by_role("button", name=issuer.word("orders.box.issued")).click()
    issuer.page.get_by_role("link").filter(has_text=DUTY).first.click(timeout=SECONDS)
    none = issuer.word("orders.acknowledgedOf", number=0, owed=2)
    # The page of the order says it, before its progress is opened.
    issuer.page.get_by_text(none).first.wait_for(timeout=SECONDS)
    issuer.button("orders.page.remind").click()
    again = issuer.word("orders.page.reminded").partition("{{")[0]
    issuer.page.get_by_role("status").filter(has_text=again).wait_for(timeout=SECONDS)
    issuer.shot("reminded")
    issuer.button("orders.page.progress").click()
    issuer.page.get_by_text(none).first.wait_for(timeout=SECONDS)

    # Followed live: nobody touches the issuer's screen while another acknowledges.
    open_duty(quick)
    quick.button("orders.acknowledge").click()
    one = issuer.word("orders.acknowledgedOf", number=1, owed=2)
    issuer.page.get_by_text(one).first.wait_for(timeout=SECONDS)
    # A tick is signed and sent, and counted beside the acknowledgement.
    quick.page.get_by_role("checkbox", name=ITEMS[0], exact=True).click()
    ticked = issuer.word(
        "orders.checklist.ticked", number=1, of=2
    )  # A station has one person and two items.
    issuer.page.get_by_text(ticked).first.wait_for(timeout=SECONDS)
    # The photo follows; the issuer sees how many sent one, and opens it.
    post = tmp_path / "post.png"
    post.write_bytes(noise_png(320, 240))
    with quick.page.expect_file_chooser() as chooser:
        quick.button("orders.photo.choose").click()
    chooser.value.set_files(post)
    quick.page.get_by_text(quick.word("orders.photo.sent"), exact=True).wait_for(timeout=SECONDS)
    sent = issuer.word("orders.photo.count", number=1, of=2)
    issuer.page.get_by_text(sent).first.wait_for(timeout=SECONDS)
    issuer.shot("who-has-it")
    issuer.page.get_by_role("button", name=issuer.word("oversee.tab.photos")).click()
    article = issuer.page.get_by_role("article").filter(has_text=quick.person.name)
    expect(article.locator("img.full")).to_be_visible(timeout=SECONDS)
    issuer.shot("photos")
    quick.page.get_by_role("button", name="తెలుగు", exact=True).click()
    quick.page.get_by_role("heading", name=DUTY_IN_TELUGU, exact=True).wait_for()
    expect(quick.page.get_by_role("checkbox", name=ITEMS_IN_TELUGU[0], exact=True)).to_be_checked()
    quick.shot("checklist")

    issuer.page.get_by_role("button", name=issuer.word("oversee.tab.people")).click()
    open_row = issuer.page.get_by_role("link").filter(has_text=slow.person.name)
    open_row.wait_for(timeout=SECONDS)
    expect(issuer.page.get_by_role("link").filter(has_text=quick.person.name)).to_contain_text(
        issuer.word("oversee.state.acknowledged").split()[0]
    )
    issuer.button("oversee.tell").click()
    issuer.page.get_by_role("checkbox").filter(has_text=slow.person.name).click()
    issuer.button("oversee.tellChosen_one", number=1).click()
    issuer.button("oversee.tellConfirm").click()
    refused = issuer.page.get_by_text(issuer.word("oversee.outcome.not_allowed"))
    refused.wait_for(timeout=SECONDS)
    issuer.shot("told-nobody")
    issuer.page.get_by_role("dialog").get_by_role("button", name=issuer.word("app.close")).click()

    issuer.button("oversee.export.title").click()
    issuer.button("oversee.export.csv").click()
    issuer.page.get_by_text(issuer.word("oversee.export.verified_one", number=1)).wait_for(
        timeout=SECONDS
    )
    issuer.shot("exported")
    with issuer.page.expect_download() as download:
        issuer.button("oversee.export.save").click()
    file = tmp_path / "order.csv"
    download.value.save_as(file)
    shown = issuer.page.get_by_text(re.compile("^[0-9a-f]{64}$")).inner_text()
    said = run_copconnect(app_server.data, "orders", "verify", str(file))
    found = json.loads(said.splitlines()[-1])
    assert (found["signatures_verified"], found["without_record"], found["refused"]) == (1, 1, 0)
    assert (list(found["done"].values()), found["file_sha256"]) == ([{"1": 1}], shown)
    assert list(found["photos"].values()) == [1]

    issuer.button("oversee.export.certificate").click()
    expect(issuer.page.get_by_text("Part A", exact=True)).to_be_visible()
    expect(issuer.page.get_by_text(shown)).to_be_visible()
    expect(issuer.page.get_by_text(issuer.person.name).first).to_be_visible()
    issuer.shot("part-a")
    issuer.button("media.print.close").click()
    expect(issuer.page.get_by_text("Part A", exact=True)).to_have_count(0)

    # The last one acknowledges, and nobody owes anything.
    open_duty(slow)
    slow.button("orders.acknowledge").click()
    both = issuer.word("orders.acknowledgedOf", number=2, owed=2)
    issuer.page.get_by_text(both).first.wait_for(timeout=SECONDS)


def test_an_order_lives_among_two_commanders_and_three_officers(
    cast: Cast, line: RecordingProxy
) -> None:
    first, second, near, away = cast.first, cast.second, cast.near, cast.away

    # Issued with two choices and a short answer, after a look at what the others will see.
    compose(first, TITLE)
    fill(first, "orders.compose.text", TEXT)
    fill(first, "orders.compose.reference", REFERENCE)
    first.button("orders.compose.addChoice").click()
    for number, choice in ((1, COMING), (2, CANNOT)):
        fill(first, "orders.compose.choice", choice, number=number)
    first.page.get_by_role("switch", name=first.word("orders.compose.answers")).click()
    first.button("orders.compose.preview").click()
    preview = first.page.get_by_role("dialog")
    for said in (TITLE, TEXT, REFERENCE, COMING, CANNOT):
        expect(preview.get_by_text(said, exact=True)).to_be_visible()
    first.shot("preview")
    preview.get_by_role("button", name=first.word("app.close"), exact=True).click()
    first.button("orders.compose.send").click()
    first.message(TITLE).wait_for()
    for officer in (second, near, away, cast.phone, cast.desk):
        badge(officer, 1)

    # From the card in the chat to the page, where the answer has room.
    near.open_chat(GROUP)
    expect(near.message(TITLE)).to_contain_text(TEXT)
    near.shot("card")
    near.message(TITLE).get_by_role("button", name=near.word("orders.answer.open")).click()
    answer(near, COMING, NEAR)
    state(near, "chose", choice=COMING).wait_for()

    # Two sign without a network; one of them answers otherwise at the desk meanwhile.
    for officer in (away, cast.phone):
        officer.page.evaluate("navigator.serviceWorker.ready.then(() => undefined)")
        open_order(officer, TITLE)
    line.go_dark()
    answer(away, CANNOT, UNDERPASS)
    answer(cast.phone, COMING, STALE)
    for officer in (away, cast.phone):
        state(officer, "later").wait_for()
    away.shot("signed-offline")
    away.page.reload()  # The tap outlives the page.
    state(away, "later").wait_for()
    open_order(cast.desk, TITLE)
    answer(cast.desk, CANNOT)
    state(cast.desk, "chose", choice=CANNOT).wait_for()
    line.come_back()
    for officer in (away, cast.phone):
        state(officer, "chose", choice=CANNOT).wait_for()

    # Corrected: the newest text is shown, and the first one behind it.
    open_order(first, TITLE, "issued")
    change(first, "correct", REASON, text=CORRECTED)
    state(near, "corrected").wait_for()
    expect(near.page.get_by_text(CORRECTED, exact=True).first).to_be_visible()
    expect(near.page.get_by_text(TEXT, exact=True)).not_to_be_visible()
    trace = near.page.get_by_role("region", name=near.word("orders.trace.title"), exact=True)
    for key, said in (("issued", TEXT), ("corrected", REASON)):
        trace.get_by_text(near.word(f"orders.trace.{key}", moment="")).click()
        expect(trace.get_by_text(said, exact=True)).to_be_visible()
    near.shot("trace")

    # A flash order is on top of everybody's page until it is acknowledged, or told in person.
    compose(second, FLASH)
    second.button("orders.priority.flash").click()
    second.button("orders.compose.send").click()
    for officer in (first, near, away, cast.phone, cast.desk):
        banner(officer, FLASH).wait_for()
    near.shot("flash")
    open_order(second, FLASH, "issued")
    banner(near, FLASH).click()
    near.button("orders.acknowledge").click()
    state(near, "acknowledged").wait_for()
    near.to_chats()
    expect(banner(near, FLASH)).to_have_count(0)
    # It is asked again: the correction changes what is to be done.
    change(second, "correct", REASON, asks_again=True, title=BRIDGES)
    banner(near, BRIDGES).click()
    near.page.get_by_text(near.word("orders.state.earlier", said="").strip()).wait_for()
    near.shot("asked-again")
    near.button("orders.acknowledge").click()
    state(near, "acknowledged").wait_for()
    near.to_chats()
    expect(banner(near, BRIDGES)).to_have_count(0)
    progress(second, BRIDGES, 1, 4)
    view(second, "people")
    second.button("oversee.tell").click()
    second.page.get_by_role("checkbox").filter(has_text=away.person.name).click()
    second.button("oversee.tellChosen_one", number=1).click()
    second.button("oversee.tellConfirm").click()
    second.page.get_by_text(second.word("oversee.tellCounted_one", number=1)).wait_for()
    told = second.word("orders.acknowledgedOf", number=2, owed=4)
    second.page.get_by_text(told, exact=True).first.wait_for()
    second.shot("told-in-person")
    expect(banner(away, BRIDGES)).to_have_count(0)
    open_order(away, BRIDGES, "all")
    state(away, "told", by=second.person.name).wait_for()
    expect(banner(first, BRIDGES)).to_be_visible()

    # Withdrawn: nothing is asked any more. Acknowledgements until then are counted, and read.
    open_order(second, TITLE)
    expect(second.page.get_by_role("button", name=COMING, exact=True)).to_be_enabled()
    change(first, "withdraw", OVER)
    state(second, "withdrawn").wait_for()
    expect(second.page.get_by_role("button", name=COMING, exact=True)).to_have_count(0)
    second.to_chats()
    badge(second, 0)
    progress(first, TITLE, 3, 4)
    # Acknowledged, read, received, not received; then each choice.
    expect(first.page.get_by_role("definition")).to_have_text(["3", "1", "0", "0", "1", "2"])
    first.shot("progress")
    view(first, "answers")
    answers = first.page.get_by_role("article")
    for officer, said in ((near, NEAR), (away, UNDERPASS)):
        expect(answers.filter(has_text=officer.person.name)).to_contain_text(said)
    expect(answers).to_have_count(2)
