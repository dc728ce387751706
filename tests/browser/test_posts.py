"""The holder of a post may issue orders, is in the groups of the unit and role, and gets what is
written to the post; a transfer moves all of it."""

import json
from typing import NamedTuple

import pytest
from playwright.sync_api import Locator, expect

from tests.harness.browser import Officer, Station
from tests.harness.server import ServerProcess, run_copconnect

POLICY = [
    {
        "code": "unit",
        "levels": ["city", "zone", "station"],
        "title": {"en": "{unit}", "te": "", "ur": "", "hi": ""},
    },
    {
        "code": "sho",
        "levels": ["city"],
        "roles": ["sho"],
        "title": {"en": "All SHOs, {unit}", "te": "", "ur": "", "hi": ""},
    },
]
SECONDS = 20_000  # A loaded machine may take so long; a quiet one takes two seconds.
GREETING = "Happy Diwali to all"
DUTY = "Picket at Abids from six"
TITLE = "Station House Officer, Abids"


class Cast(NamedTuple):
    """The head and a constable of a station, and an officer of another."""

    head: Officer
    constable: Officer
    asker: Officer


@pytest.fixture(scope="module")
def everybody(
    posted: Station, app_server: ServerProcess, tmp_path_factory: pytest.TempPathFactory
) -> Cast:
    """The three, in the groups that the department makes."""
    policy = tmp_path_factory.mktemp("policy") / "policy.json"
    policy.write_text(json.dumps(POLICY), "utf-8")
    run_copconnect(app_server.data, "conversations", "policy", "set", str(policy))
    return Cast(*(posted.officer(at).register() for at in (0, 6, 7)))


@pytest.fixture
def cast(everybody: Cast, checked: None) -> Cast:  # noqa: ARG001
    """The three, each at the list of chats."""
    for officer in everybody:
        officer.to_chats()
    return everybody


def new_order(officer: Officer) -> None:
    officer.page.goto("/#/orders")
    boxes = officer.page.get_by_role("group", name=officer.word("orders.boxes"), exact=True)
    boxes.get_by_role("button", name=officer.word("orders.box.issued")).click()
    officer.page.get_by_text(officer.word("orders.empty.issued.title"), exact=True).wait_for()


def test_an_order_to_a_station(cast: Cast) -> None:
    head, constable, _ = cast
    # The page says why a constable cannot begin an order, also by its address.
    new_order(constable)
    constable.page.get_by_text(constable.word("orders.empty.issued.noRight")).wait_for()
    expect(constable.page.get_by_role("button", name=constable.word("orders.new"))).to_have_count(0)
    constable.page.goto("/#/orders/new")
    problem = constable.page.get_by_role("alert")
    expect(
        problem.filter(has_text=constable.word("orders.compose.problem.noRight"))
    ).to_be_visible()

    new_order(head)
    head.button("orders.new").first.click()
    head.button("orders.compose.chooseAudience").click()
    audience = head.page.get_by_role("dialog", name=head.word("orders.compose.audience"))
    audience.get_by_role("button").filter(has_text="Abids Police Station").click()
    field = head.page.get_by_label(head.word("orders.compose.title"), exact=True)
    head.secrets.text(GREETING, DUTY)
    field.fill(GREETING)
    head.button("orders.compose.send").click()
    head.heading("guard.looks.festival").wait_for()
    head.button("guard.edit").click()

    # Closed with the keyboard, nothing went out; looked at, it does.
    field.fill(DUTY)
    look = head.page.get_by_role("dialog", name=head.word("orders.compose.look.title"))
    head.button("orders.compose.send").click()
    look.get_by_text(head.word("orders.compose.people_other", number=49)).wait_for()
    look.get_by_text(head.word("orders.compose.look.registered_one", number=1)).wait_for()
    head.shot("last-look")
    head.page.keyboard.press("Escape")
    expect(look).to_have_count(0)
    head.button("orders.compose.send").click()
    look.get_by_role("button", name=head.word("orders.compose.send"), exact=True).click()
    constable.page.goto("/#/orders")
    constable.page.get_by_role("link").filter(has_text=DUTY).first.wait_for()
    expect(constable.page.get_by_role("link").filter(has_text=GREETING)).to_have_count(0)


def test_groups_follow_the_data_bank(cast: Cast, app_server: ServerProcess) -> None:
    sho, constable, _ = cast
    own = {"Abids Police Station", "East Zone", "Hyderabad City"}
    for title in own | {"All SHOs, Hyderabad City"}:
        sho.chat(title).wait_for()
    for title in own:
        constable.chat(title).wait_for()
    expect(constable.chat("All SHOs, Hyderabad City")).to_have_count(0)
    sho.shot("standing-groups")
    constable.open_chat("Abids Police Station")
    constable.say("Beat 4 is covered.")
    constable.sees_status("Beat 4 is covered.", "sent")
    constable.to_chats()

    number, post = constable.person.number, "SHO, Charminar"
    place = ("--unit", "HYD-CHAR", "--post", post, "--role", "sho", "--head")
    run_copconnect(app_server.data, "directory", "transfer", number, *place)
    constable.chat("Charminar Police Station").wait_for(timeout=SECONDS)
    constable.chat("All SHOs, Hyderabad City").wait_for(timeout=SECONDS)
    # Out of the former station: it says so, and nothing can be written there.
    constable.chat("Abids Police Station").click()
    constable.message("Beat 4 is covered.").wait_for()
    expect(constable.composer).to_have_count(0)
    sho.open_chat("Abids Police Station")
    sho.say("He has gone to Charminar.")
    sho.sees_status("He has gone to Charminar.", "sent")
    expect(constable.message("He has gone to Charminar.")).to_have_count(0)


def write_to_the_post(asker: Officer, search: str) -> None:
    asker.page.goto("/#/people")
    asker.page.get_by_role("searchbox").fill(search)
    asker.page.get_by_role("link").filter(has_text=TITLE).first.click()
    asker.shot("post")
    asker.button("people.messagePost").click()
    asker.composer.wait_for()


def post_in_a_new_chat(asker: Officer) -> Locator:
    """Search the post where a new chat begins; return its row."""
    asker.button("chats.new").click()
    asker.page.get_by_role("searchbox").fill("sho abids")
    title = asker.page.get_by_text(TITLE, exact=True)
    return asker.page.get_by_role("button").filter(has=title).first


def test_a_post_is_asked_and_its_next_holder_answers(cast: Cast, app_server: ServerProcess) -> None:
    former, following, asker = cast
    # A new chat finds the post too, and opens the conversation with it, not with its holder.
    post_in_a_new_chat(asker).click()
    asker.heading_of(TITLE).wait_for()
    asker.composer.wait_for()
    asker.to_chats()
    write_to_the_post(asker, "sho abids")
    asker.say("Is the road at the clock tower open?")
    to = former.word("chats.to", post=TITLE)
    row = former.chat(asker.person.name)
    row.wait_for(timeout=SECONDS)
    expect(row).to_contain_text(to)
    former.open_chat(asker.person.name)
    former.message("Is the road at the clock tower open?").wait_for()
    expect(former.page.get_by_text(to, exact=True).first).to_be_visible()
    former.shot("asked-as-a-post")
    former.say("Until ten tonight.")
    asker.message("Until ten tonight.").wait_for()

    away = ("--unit", "HYD-CHAR", "--post", "Court officer")
    run_copconnect(app_server.data, "directory", "transfer", former.person.number, *away)
    here = ("--unit", "HYD-ABID", "--post", TITLE, "--role", "sho", "--head")
    run_copconnect(app_server.data, "directory", "transfer", following.person.number, *here)
    following.chat(asker.person.name).wait_for(timeout=SECONDS)
    asker.say("And tomorrow?")
    following.open_chat(asker.person.name)
    following.message("And tomorrow?").wait_for()
    # The next holder reads what came to the post before; the former one reads nothing more.
    following.message("Is the road at the clock tower open?").wait_for()
    following.say("Closed from six.")
    asker.message("Closed from six.").wait_for()
    expect(former.composer).to_have_count(0)
    expect(former.message("And tomorrow?")).to_have_count(0)

    # The post is vacant now: its card says so, and names the head above, if there is one.
    run_copconnect(app_server.data, "directory", "transfer", following.person.number, *away)
    asker.to_chats()
    vacant = post_in_a_new_chat(asker)
    expect(vacant).to_contain_text(asker.word("people.vacant"))
    asker.shot("vacant-in-a-new-chat")
    vacant.click()
    asker.page.get_by_text(asker.word("people.vacantNobody")).wait_for(timeout=SECONDS)
    expect(asker.button("people.messagePost")).to_have_count(0)
    asker.shot("vacant-post")
