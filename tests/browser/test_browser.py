"""The browser makes of text neither markup, style nor script (Content-Security-Policy), is asked to
keep the app's storage, and takes it away."""

import re

from playwright.sync_api import Page, expect

from tests.harness import storage
from tests.harness.browser import Officer, Station
from tests.harness.server import ServerProcess
from tests.harness.waiting import until

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
# Replaces the browser's decision, and counts how often each page asked.
DECIDES = """
    window.asked = 0;
    const promised = () => localStorage.getItem("test.promised") === "yes";
    StorageManager.prototype.persisted = async () => promised();
    StorageManager.prototype.persist = async () => {
        window.asked += 1;
        return promised();
    };
"""
ATTACK = """async () => {
  const refused = (attempt) => { try { attempt(); return false; } catch { return true; } };
  const box = document.createElement("div");
  document.body.append(box);
  box.innerHTML = "<img src=x onerror='window.attacked = 1'><b>bold</b>";
  box.setAttribute("style", "color: rgb(1, 2, 3)");
  const styled = getComputedStyle(box).color;
  const sheet = document.createElement("style");
  sheet.textContent = "body { opacity: 0.5 }";
  document.head.append(sheet);
  const script = document.createElement("script");
  const found = {
    elements: box.childElementCount,
    shown: box.textContent,
    styled: styled === "rgb(1, 2, 3)",
    dimmed: getComputedStyle(document.body).opacity !== "1",
    text: refused(() => { script.text = "window.attacked = 1"; }),
    worker: refused(() => new Worker("data:text/javascript,postMessage(1)")),
    foreign: refused(() => { script.src = "https://evil.example/x.js"; }),
    policy: refused(() => trustedTypes.createPolicy("mine", { createHTML: (text) => text })),
    attacked: window.attacked ?? null,
  };
  box.remove();
  return found;
}"""


def lose(page: Page) -> None:
    """Close the connection at the next transaction of each worker of a page."""
    for worker in page.workers:
        worker.evaluate(LOSE)


def lost(page: Page) -> int:
    """Count the connections that were closed so."""
    return sum(worker.evaluate("() => self.lost ?? 0") for worker in page.workers)


def asked(officer: Officer, times: int) -> None:
    officer.page.wait_for_function("times => window.asked === times", arg=times)


def test_text_becomes_no_markup_style_or_script(other: Officer, app_server: ServerProcess) -> None:
    officer = other
    for address in ("/", "/admin/", "/practice.html?practice=message"):
        officer.page.goto(address)
        officer.page.locator("#app > *").first.wait_for()
        officer.page.wait_for_timeout(500)
        assert officer.problems == [], f"{address} itself breaks no rule"
        assert officer.page.evaluate(ATTACK) == {
            "elements": 0,
            "shown": "<img src=x onerror='window.attacked = 1'><b>bold</b>",
            "styled": False,
            "dimmed": False,
            "text": True,
            "worker": True,
            "foreign": True,
            "policy": True,
            "attacked": None,
        }
        officer.page.wait_for_timeout(200)
        assert any("violation of" in one for one in officer.problems)
        officer.problems.clear()

    def logged() -> list[str]:
        lines = app_server.log.read_text("utf-8").splitlines()
        return [line for line in lines if "csp_violation" in line]

    until(logged, "the log of what was refused")
    assert officer.person.name not in "\n".join(logged())


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


def test_the_browser_is_asked_to_keep_the_storage_and_its_erasure_is_said_in_every_tab(
    station: Station,
) -> None:
    officer = station.officer(2)
    officer.context.add_init_script(DECIDES)
    officer.page.reload()
    officer.choose_language()
    # Nothing is there to keep yet: a question to the person would come too early.
    assert officer.page.evaluate("window.asked") == 0
    officer.enter_number()
    officer.enter_code()
    officer.button("firstRun.conduct.accept").wait_for()
    asked(officer, 1)  # At registration.
    officer.accept_conduct()
    officer.finish()
    officer.page.reload()
    # A registered device opens where it was.
    officer.heading("chats.title").wait_for()
    expect(officer.page).to_have_url(re.compile("/chats"))
    asked(officer, 1)  # At each start.
    officer.page.evaluate("dispatchEvent(new Event('appinstalled'))")
    asked(officer, 2)  # Once it is installed: browsers say yes more readily then.

    officer.page.goto("/#/me/storage")
    risk = officer.page.get_by_text(officer.word("me.storageAtRisk"))
    risk.wait_for()
    officer.shot("at-risk")
    again = officer.button("me.storageAsk")
    again.click()
    asked(officer, 3)
    officer.page.get_by_text(officer.word("me.storageRefused")).wait_for()
    officer.page.evaluate("localStorage.setItem('test.promised', 'yes')")
    again.click()
    officer.page.get_by_text(officer.word("me.storageKept")).wait_for()
    expect(risk).to_have_count(0)
    expect(again).to_have_count(0)
    officer.shot("kept")
    # A promise that is there is not asked for again.
    officer.page.reload()
    officer.page.get_by_text(officer.word("me.storageKept")).wait_for()
    assert officer.page.evaluate("window.asked") == 0

    # The browser erases it all the same: every tab says so, and a reload starts over.
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
