"""Several tabs on one device: what is being written outlives the tab that runs the core."""

import pytest
from playwright.sync_api import expect

from tests.harness.browser import Officer, Station

Pair = tuple[Officer, Officer]


@pytest.fixture(scope="module")
def talking(posted: Station) -> Pair:
    """Two officers who have spoken."""
    first, second = posted.officer(0).register(), posted.officer(1).register()
    first.open_direct(second)
    first.say("Two windows are open on this desk.")
    second.open_chat(first.person.name)
    second.message("Two windows are open on this desk.").wait_for()
    return first, second


@pytest.fixture
def pair(talking: Pair, checked: None) -> Pair:  # noqa: ARG001
    """The two, with their conversation open."""
    return talking


def test_a_draft_outlives_the_tab_that_it_was_written_in(pair: Pair) -> None:
    officer, other = pair
    leader, follower = officer.page, officer.second_tab()
    officer.page = follower
    officer.open()
    row = officer.chat(other.person.name)
    row.wait_for()
    officer.page = leader
    officer.secrets.text("The seized vehicles are at")
    officer.composer.press_sequentially("The seized vehicles are at")
    row.get_by_text("The seized vehicles are at").wait_for()
    leader.close()
    officer.page = follower
    officer.open_chat(other.person.name)
    expect(officer.composer).to_have_value("The seized vehicles are at")
    officer.say("The seized vehicles are at the depot.")
    other.message("The seized vehicles are at the depot.").wait_for()
    officer.to_chats()
    expect(row.get_by_text(officer.word("chats.draft"))).to_have_count(0)
    officer.open_chat(other.person.name)


def test_what_is_being_written_stays_when_the_tab_that_leads_closes(pair: Pair) -> None:
    officer, other = pair
    leader, follower = officer.page, officer.second_tab()
    officer.page = follower
    officer.open()
    officer.open_chat(other.person.name)
    officer.secrets.text("Half a sentence about the")
    officer.composer.press_sequentially("Half a sentence about")
    leader.close()
    officer.composer.press_sequentially(" the")
    expect(officer.composer).to_have_value("Half a sentence about the")
    # The core of this tab leads now: it takes messages and has the draft.
    other.say("I am listening, go on.")
    officer.message("I am listening, go on.").wait_for()
    expect(officer.composer).to_have_value("Half a sentence about the")
    officer.to_chats()
    officer.chat(other.person.name).get_by_text("Half a sentence about the").wait_for()
    officer.page.reload()
    officer.open_chat(other.person.name)
    expect(officer.composer).to_have_value("Half a sentence about the")
    officer.composer.fill("")
