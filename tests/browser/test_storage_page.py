"""Whether the browser keeps the app's storage: asked in time, and said as it is."""

from playwright.sync_api import expect

from tests.harness.browser import Officer, Station

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


def _asked(officer: Officer, times: int) -> None:
    officer.page.wait_for_function("times => window.asked === times", arg=times)


def test_the_browser_is_asked_to_keep_the_storage_and_its_answer_is_shown(
    station: Station,
) -> None:
    officer = station.officer(0)
    officer.context.add_init_script(DECIDES)
    officer.page.reload()
    officer.choose_language()
    # Nothing is there to keep yet: a question to the person would come too early.
    assert officer.page.evaluate("window.asked") == 0
    officer.enter_number()
    officer.enter_code()
    officer.button("firstRun.conduct.accept").wait_for()
    _asked(officer, 1)  # At registration.
    officer.accept_conduct()
    officer.finish()
    officer.page.reload()
    officer.heading("chats.title").wait_for()
    _asked(officer, 1)  # At each start.
    officer.page.evaluate("dispatchEvent(new Event('appinstalled'))")
    _asked(officer, 2)  # Once it is installed: browsers say yes more readily then.

    officer.page.goto("/#/me/storage")
    risk = officer.page.get_by_text(officer.word("me.storageAtRisk"))
    risk.wait_for()
    officer.shot("at-risk")
    again = officer.button("me.storageAsk")
    again.click()
    _asked(officer, 3)
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
