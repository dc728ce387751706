"""A message to a post reaches whoever holds it; after a transfer, the next holder."""

from playwright.sync_api import expect

from tests.harness.browser import Officer, Station
from tests.harness.server import ServerProcess, run_copconnect

TITLE = "Station House Officer, Abids"
SECONDS = 20_000  # A loaded machine may take so long; a quiet one takes two seconds.


def write_to_the_post(asker: Officer, search: str) -> None:
    asker.page.goto("/#/people")
    asker.page.get_by_role("searchbox").fill(search)
    asker.page.get_by_role("link").filter(has_text=TITLE).first.click()
    asker.shot("post")
    asker.button("people.messagePost").click()
    asker.composer.wait_for()


def test_a_post_is_asked_and_its_next_holder_answers(
    station: Station, app_server: ServerProcess
) -> None:
    former, following, asker = (
        station.officer(0).register(),
        station.officer(6).register(),
        station.officer(7).register(),
    )
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
    asker.page.goto("/#/people")
    asker.page.get_by_role("searchbox").fill("sho abids")
    asker.page.get_by_role("link").filter(has_text=TITLE).first.click()
    asker.page.get_by_text(asker.word("people.vacantNobody")).wait_for(timeout=SECONDS)
    expect(asker.button("people.messagePost")).to_have_count(0)
    asker.shot("vacant-post")
