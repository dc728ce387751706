"""The browser takes the vault's database away: the app opens it again, or says why not."""

from playwright.sync_api import Page, expect

from tests.harness import storage
from tests.harness.browser import Officer, Station

PIN = "739152"
# Chromium closes every connection, and each says so, when its storage service ends.
LOSE = """() => {
  const begin = IDBDatabase.prototype.transaction;
  IDBDatabase.prototype.transaction = function (...values) {
    IDBDatabase.prototype.transaction = begin;
    self.lost = (self.lost ?? 0) + 1;
    this.close();
    this.dispatchEvent(new Event("close"));
    return begin.apply(this, values);
  };
}"""


def lose(page: Page) -> None:
    """Close the connection at the next transaction of each worker of a page."""
    for worker in page.workers:
        worker.evaluate(LOSE)


def lost(page: Page) -> int:
    """Count the connections that were closed so."""
    return sum(worker.evaluate("() => self.lost ?? 0") for worker in page.workers)


def test_a_lost_connection_is_opened_again_and_the_app_stays_unlocked(
    station: Station, other: Officer
) -> None:
    officer = station.officer(1).register()
    other.open_direct(officer)
    other.say("The register is at the gate.")
    officer.open_lock_page()
    officer.set_pin(PIN)
    officer.to_chats()
    officer.open_chat(other.person.name)
    officer.message("The register is at the gate.").wait_for()
    for number in (1, 2, 3):
        lose(officer.page)
        officer.say(f"Signed in, page {number}.")
        other.message(f"Signed in, page {number}.").wait_for()
        assert lost(officer.page) == number
    lose(officer.page)
    other.say("And the keys?")
    officer.message("And the keys?").wait_for()
    officer.page.reload()
    officer.try_pin(PIN)
    officer.message("Signed in, page 3.").wait_for()


def test_an_erased_database_is_said_and_a_reload_begins_anew_in_every_tab(
    station: Station,
) -> None:
    officer = station.officer(2).register()
    leader, follower = officer.page, officer.second_tab()
    officer.page = follower
    officer.open()
    officer.heading("chats.title").wait_for()
    storage.erase(follower)
    for page in (leader, follower):
        officer.page = page
        officer.heading("app.storageFailed.title").wait_for()
    # The tab that runs the core stays as it is: the other one alone is loaded again.
    officer.button("app.retry").click()
    officer.heading("firstRun.language.title").or_(
        officer.heading("firstRun.number.title")
    ).first.wait_for()
    expect(leader.get_by_role("navigation")).to_have_count(0)
