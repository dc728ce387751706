"""The Content-Security-Policy holds in the browser: text becomes neither markup, style nor script,
and the server's log says what was refused."""

from tests.harness.browser import Station
from tests.harness.server import ServerProcess
from tests.harness.waiting import until

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


def test_text_becomes_no_markup_style_or_script(
    station: Station, app_server: ServerProcess
) -> None:
    officer = station.officer(0).register()
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
