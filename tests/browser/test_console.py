"""The console: an admin acts in their own part, acts are signed, the log verifies in the page.

Its page of units: a draft that survives a reload, reviewed, signed and undone; by keyboard alone,
by drag and by form.
"""

from collections.abc import Iterator, Mapping
from itertools import count

import pytest
from playwright.sync_api import Locator, expect

from tests.harness import tour_console
from tests.harness.browser import Officer, Station, until
from tests.harness.looks import Colours, Looks
from tests.harness.server import ServerProcess, run_copconnect
from tests.harness.tour_console import find, open_console, open_person, row

# Each test takes its own people, because the module has one server.
PEOPLE = count(40)


def test_an_admin_suspends_undoes_and_finds_both_in_the_verified_log(
    chief: Officer, station: Station, app_server: ServerProcess
) -> None:
    constable = station.officer(next(PEOPLE)).register()
    name = constable.person.name
    # The way in, from the app.
    chief.page.goto("/#/me")
    chief.page.get_by_role("link").filter(has_text=chief.word("me.console")).click()
    chief.heading("@nav.home").wait_for()
    find(chief, name)
    pane = open_person(chief, name)
    suspend = pane.get_by_role("button", name=chief.word("@person.suspend"), exact=True)
    at_first = suspend.bounding_box()
    pane.get_by_text(chief.word("@moves.charges.regular")).wait_for()
    # Devices, rights and posts came meanwhile: a tap on the way hits what it was meant for.
    assert suspend.bounding_box() == at_first
    suspend.click()
    dialog = chief.page.get_by_role("dialog")
    dialog.get_by_label(chief.word("@act.reason"), exact=True).fill("Enquiry 12/26")
    dialog.get_by_role("button", name=chief.word("@person.suspend"), exact=True).click()
    chief.page.get_by_text(chief.word("@person.suspended", name=name)).wait_for()
    constable.page.get_by_text(constable.word("app.signedOut.suspended")).wait_for()
    chief.button("@act.undo").click()
    chief.page.get_by_text(chief.word("@person.restored", name=name)).wait_for()

    open_console(chief, "audit")
    told = chief.word("@acts.done.person_suspended", name=name, reason="Enquiry 12/26")
    entry = row(chief.page, told)
    expect(entry.get_by_text(chief.word("@audit.right"), exact=True)).to_be_visible()
    chief.button("@audit.verify").click()
    chief.page.get_by_role("status").locator("bdi").wait_for()
    chief.shot("verified")
    assert "none changed" in run_copconnect(app_server.data, "audit", "verify")


def test_letters_are_made_for_several_people_and_told_once(chief: Officer) -> None:
    open_console(chief, "people")
    boxes = chief.page.get_by_role("row").get_by_role("checkbox")
    boxes.nth(1).check()
    boxes.nth(2).check()
    chief.button("@people.codes").click()
    dialog = chief.page.get_by_role("dialog")
    dialog.get_by_role("button", name=chief.word("@people.codes"), exact=True).click()
    made = chief.page.get_by_role("dialog").filter(has_text=chief.word("@people.codesOnce"))
    expect(made.get_by_role("row")).to_have_count(3)
    chief.shot("codes")
    made.get_by_role("button", name=chief.word("@close"), exact=True).click()
    made.wait_for(state="hidden")


def test_the_console_is_for_those_who_hold_a_grant(other: Officer) -> None:
    expect(other.page.get_by_text(other.word("me.console"))).to_have_count(0)
    other.page.goto("/admin/")
    other.heading("@open.noRight").wait_for()


def test_the_keyboard_alone_is_enough(chief: Officer) -> None:
    open_console(chief, "people")
    rows = chief.page.get_by_role("row")
    rows.nth(2).wait_for()
    chief.page.keyboard.press("Control+k")
    expect(chief.page.get_by_role("searchbox").first).to_be_focused()
    rows.nth(1).focus()
    chief.page.keyboard.press("ArrowDown")
    expect(rows.nth(2)).to_be_focused()
    chief.page.keyboard.press("Space")
    expect(rows.nth(2)).to_have_attribute("aria-selected", "true")
    chief.page.keyboard.press("Enter")
    chief.page.get_by_role("complementary").wait_for()


# English at both sizes, each in one theme, and two other languages at one.
SIZES = [("desk", "en"), ("phone", "en"), ("desk", "te"), ("phone", "ur")]
THEMES: Mapping[str, tuple[Colours, ...]] = {"desk": ("dark",), "phone": ("light",)}


@pytest.mark.parametrize(("size", "language"), SIZES)
def test_every_page_looks_right(console: Looks, other: Officer, size: str, language: str) -> None:
    console.themes = THEMES[size]
    shown = other.person.name_te if language == "te" else other.person.name
    console.follow(tour_console.pages(console.officer, shown))
    assert console.told() == []


STATION, OTHER, ZONE = "Abids", "Kachiguda", "South"


def unit(officer: Officer, name: str) -> Locator:
    """The row of the tree with this name."""
    return officer.page.get_by_role("treeitem").filter(has_text=name)


def open_tree(officer: Officer) -> None:
    """Go to the page of units with all of them open."""
    open_console(officer, "units")
    officer.page.get_by_role("tree").wait_for()
    officer.button("@units.expandAll").click()
    unit(officer, STATION).first.wait_for()


def review(officer: Officer) -> None:
    officer.button("@units.draft.review").click()
    officer.heading("@units.review.title").wait_for()


def discard(officer: Officer) -> None:
    """Take the draft back whole."""
    officer.button("@units.draft.discard").click()
    dialog = officer.page.get_by_role("dialog")
    dialog.get_by_role("button", name=officer.word("@units.draft.discard"), exact=True).click()
    expect(officer.button("@units.draft.review")).to_have_count(0)


def sign(officer: Officer, action: str = "@units.review.sign") -> None:
    officer.button(action).click()
    dialog = officer.page.get_by_role("dialog")
    dialog.get_by_role("button", name=officer.word(action), exact=True).click()
    dialog.wait_for(state="hidden")


def below(officer: Officer, name: str) -> Iterator[str]:
    """The names of the units right below one, in order, as the tree shows them."""
    rows = officer.page.get_by_role("treeitem")
    depth = int(unit(officer, name).first.get_attribute("aria-level") or 0)
    inside = False
    for one in rows.all():
        level = int(one.get_attribute("aria-level") or 0)
        text = one.locator(".name").inner_text()
        if inside and level <= depth:
            return
        if inside and level == depth + 1:
            yield text
        inside = inside or text == name


def test_a_draft_is_made_by_form_survives_a_reload_is_signed_and_undone(
    chief: Officer, app_server: ServerProcess
) -> None:
    open_tree(chief)
    zone = unit(chief, ZONE).first.locator(".name").inner_text()
    before = list(below(chief, zone))
    station = unit(chief, STATION).first.locator(".name").inner_text()
    # A new station below the zone, in four languages.
    unit(chief, zone).first.click()
    pane = chief.page.get_by_role("complementary", name=zone)
    pane.get_by_role("button", name=chief.word("@units.pane.add"), exact=True).click()
    dialog = chief.page.get_by_role("dialog")
    add = dialog.get_by_role("button", name=chief.word("@units.add.action"), exact=True)
    add.click()
    expect(dialog.get_by_text(chief.word("@units.add.nameMissing"))).to_be_visible()
    for language, name in (("en", "Musi PS"), ("te", "మూసీ"), ("ur", "موسی"), ("hi", "मूसी")):
        label = chief.word(f"@units.languages.{language}")
        dialog.get_by_label(label, exact=True).fill(name)
    add.click()
    dialog.wait_for(state="hidden")
    expect(unit(chief, "Musi PS")).to_contain_text(chief.word("@units.marks.new"))
    # Another station gets another name.
    unit(chief, station).first.click()
    pane = chief.page.get_by_role("complementary", name=station)
    pane.get_by_label(chief.word("@units.languages.en"), exact=True).fill("Abids Circle PS")
    pane.get_by_role("button", name=chief.word("@units.pane.save"), exact=True).click()
    expect(unit(chief, "Abids Circle PS")).to_contain_text(chief.word("@units.marks.renamed"))
    chief.shot("draft")
    # Nothing happens on the server, and the draft is there after a reload.
    assert "Musi" not in run_copconnect(app_server.data, "directory", "reorganisations")
    chief.page.reload()
    chief.page.get_by_role("tree").wait_for()
    chief.button("@units.draft.review").wait_for()
    chief.page.goto("/admin/#/units/review")
    chief.heading("@units.review.title").wait_for()
    told = chief.word("@units.change.renamed", before=station, after="Abids Circle PS")
    expect(chief.page.get_by_text(told)).to_be_visible()
    expect(chief.page.get_by_text("Musi PS").first).to_be_visible()
    chief.shot("review")
    sign(chief)
    chief.page.get_by_text(chief.word("@units.review.done")).wait_for()
    open_tree(chief)
    expect(unit(chief, "Abids Circle PS")).to_be_visible()
    assert set(below(chief, zone)) >= {*before, "Musi PS"} - {station}
    expect(chief.button("@units.draft.review")).to_have_count(0)
    # Everything goes back.
    chief.button("@units.past").click()
    past = row(chief.page, chief.person.name)
    past.get_by_role("button").filter(has_text=chief.word("@units.history.undo")).first.click()
    sign(chief, "@units.review.undoAction")
    chief.page.get_by_text(chief.word("@units.review.undone")).wait_for()
    open_tree(chief)
    until(chief.page, lambda: list(below(chief, zone)) == before)
    assert "none changed" in run_copconnect(app_server.data, "audit", "verify")


def test_units_are_moved_ordered_and_taken_back_by_the_keyboard_alone(chief: Officer) -> None:
    open_console(chief, "units")
    tree, keyboard = chief.page.get_by_role("tree"), chief.page.keyboard
    tree.wait_for()
    rows = chief.page.get_by_role("treeitem")
    # The tree takes the focus once; arrows open it.
    rows.first.focus()
    keyboard.press("ArrowRight")
    keyboard.press("ArrowRight")
    keyboard.press("ArrowDown")
    city = rows.nth(1)
    expect(city).to_be_visible()
    city.focus()
    keyboard.press("ArrowRight")
    keyboard.press("ArrowRight")
    first = chief.page.locator("[role=treeitem]:focus")
    expect(first).to_have_attribute("aria-level", "3")
    name = first.locator(".name").inner_text()
    keyboard.press("Alt+ArrowDown")
    said = chief.page.get_by_role("status").filter(has_text=name)
    expect(said).to_be_visible()
    expect(chief.page.locator("[role=treeitem]:focus")).to_contain_text(name)
    keyboard.press("Control+z")
    expect(chief.button("@units.draft.review")).to_have_count(0)
    # A station is cut and put below the other zone.
    keyboard.press("ArrowRight")
    keyboard.press("ArrowRight")
    moved = chief.page.locator("[role=treeitem]:focus")
    expect(moved).to_have_attribute("aria-level", "4")
    station = moved.locator(".name").inner_text()
    keyboard.press("Control+x")
    keyboard.press("ArrowLeft")
    keyboard.press("ArrowLeft")
    keyboard.press("ArrowDown")
    target = chief.page.locator("[role=treeitem]:focus").locator(".name").inner_text()
    assert target != name
    keyboard.press("Control+v")
    told = chief.word("@units.said.moved", unit=station, parent=target)
    expect(chief.page.get_by_text(told)).to_be_visible()
    assert station in list(below(chief, target))
    # A unit is not put below itself.
    expect(chief.page.locator("[role=treeitem]:focus")).to_contain_text(station)
    keyboard.press("ArrowLeft")
    keyboard.press("Control+x")
    keyboard.press("ArrowDown")
    keyboard.press("Control+v")
    expect(chief.page.get_by_text(chief.word("@units.said.itself"))).to_be_visible()
    assert station in list(below(chief, target))
    keyboard.press("Escape")
    # Enter opens the unit beside the tree; the draft is taken back whole.
    keyboard.press("Enter")
    chief.page.get_by_role("complementary").wait_for()
    discard(chief)


def test_a_unit_is_dragged_and_merged_and_each_is_taken_back(chief: Officer) -> None:
    open_tree(chief)
    rows = chief.page.get_by_role("treeitem").all()
    names = [
        one.locator(".name").inner_text() for one in rows if one.get_attribute("aria-level") == "3"
    ]
    source = next(below(chief, names[0]))
    unit(chief, source).first.drag_to(unit(chief, names[1]).first)
    expect(unit(chief, source).first).to_contain_text(chief.word("@units.marks.moved"))
    assert source in list(below(chief, names[1]))
    unit(chief, names[0]).first.click()
    pane = chief.page.get_by_role("complementary", name=names[0])
    pane.get_by_role("button", name=chief.word("@units.pane.merge"), exact=True).click()
    dialog = chief.page.get_by_role("dialog")
    dialog.get_by_role("searchbox").fill(names[1])
    dialog.get_by_role("button").filter(has_text=names[1]).first.click()
    expect(unit(chief, names[0])).to_have_count(0)
    review(chief)
    told = chief.word("@units.change.merged", unit=names[0], into=names[1])
    expect(chief.page.get_by_text(told)).to_be_visible()
    chief.button("@units.review.back").click()
    chief.button("@units.draft.undo").click()
    chief.button("@units.draft.undo").click()
    expect(unit(chief, names[0]).first).to_be_visible()
    chief.button("@units.draft.redo").click()
    assert source in list(below(chief, names[1]))
    discard(chief)


@pytest.mark.parametrize(("size", "language"), SIZES)
def test_the_page_of_units_looks_right(console: Looks, size: str) -> None:
    console.themes = THEMES[size]
    console.follow(_stops(console.officer))
    assert console.told() == []
    open_console(console.officer, "units")
    discard(console.officer)


def _stops(officer: Officer) -> Iterator[str]:
    page, word = officer.page, officer.word
    open_console(officer, "units")
    page.get_by_role("tree").wait_for()
    officer.button("@units.expandAll").click()
    yield "tree"
    stations = page.locator("[role=treeitem][aria-level='4']")
    stations.first.click()
    pane = page.get_by_role("complementary")
    pane.wait_for()
    yield "unit"
    move = pane.get_by_role("button", name=word("@units.pane.move"), exact=True)
    # Without a mouse too a unit is moved: its acts are in sight as soon as it is opened.
    expect(move).to_be_in_viewport()
    above = pane.get_by_role("definition").first
    before = above.inner_text()
    move.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("listitem").get_by_role("button").first.click()
    dialog.wait_for(state="hidden")
    expect(above).not_to_have_text(before)
    page.keyboard.press("Control+z")
    expect(above).to_have_text(before)
    pane.get_by_role("button", name=word("@units.pane.merge"), exact=True).click()
    dialog.get_by_role("searchbox").wait_for()
    yield "picking"
    dialog.get_by_role("listitem").get_by_role("button").nth(3).click()
    dialog.wait_for(state="hidden")
    page.get_by_role("complementary").wait_for()
    pane.get_by_role("button", name=word("@units.pane.split"), exact=True).click()
    page.get_by_role("checkbox").nth(2).check()
    yield "splitting"
    open_console(officer, "units/review")
    page.get_by_text(word("@units.review.peopleMove"), exact=True).wait_for()
    yield "review"
    open_console(officer, "units/past")
    page.get_by_role("row").nth(1).or_(
        page.get_by_text(word("@units.history.none"))
    ).first.wait_for()
    yield "past"
