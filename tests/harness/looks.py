"""Looking at a screen as a machine can: axe, parts that are too wide, and a picture for people.

:class:`Looks` collects what is wrong at every stop of a tour and says all of it at the end, so that
one run shows everything. axe reads roles, names and colours, which are the same in every language:
it looks at the English screens alone, and other languages are judged by the room that they need.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from playwright.sync_api import Locator, Page, ViewportSize

from tests.harness.browser import DESKTOP, PHONE, ROOT, SMALL_PHONE, Officer, picture

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
GRAVE = {"serious", "critical"}
# Colours are all that a theme changes, so the second theme is asked about nothing else.
COLOUR_RULES = ("color-contrast", "link-in-text-block")

Colours = Literal["light", "dark"]
# The app has taken the theme, and a frame has been drawn with it.
PAINTED = """async (colours) => {
  if (document.documentElement.dataset.theme !== colours) return false;
  // A map is built again in the new colours.
  if (document.querySelector('[role="application"][aria-busy="true"]') !== null) return false;
  await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
  return true;
}"""

# Text on one line with an ellipsis where it ends says so by its style and is no fault
# in a list of chats; in a button or a heading it is.
CUT = """() => {
  const faults = [];
  const across = document.documentElement;
  if (across.scrollWidth > across.clientWidth)
    faults.push(`the page is ${across.scrollWidth} wide in ${across.clientWidth}`);
  const seen = (element) => element.checkVisibility({ visibilityProperty: true }) &&
    !element.closest(".said, [inert], [aria-hidden='true']");
  for (const element of document.querySelectorAll("button, h1, h2, h3, [role='tab'], label")) {
    if (!seen(element) || element.clientWidth === 0) continue;
    // One pixel of rounding is not a cut, and where the rest is hidden it is seen in the padding.
    const style = getComputedStyle(element);
    const spare = style.overflowX === "hidden" ? parseFloat(style.paddingInlineEnd) : 0;
    if (element.scrollWidth > element.clientWidth + spare + 1)
      faults.push(`${element.tagName} "${element.innerText.slice(0, 40)}" is ` +
        `${element.scrollWidth} wide in ${element.clientWidth}`);
  }
  for (const element of document.querySelectorAll("main *")) {
    if (!seen(element)) continue;
    const style = getComputedStyle(element);
    if (style.overflowX !== "auto" && style.overflowX !== "scroll") continue;
    // Rows of filters and of chosen people are meant to be wider than the screen.
    if (style.overflowY === "hidden" || element.scrollHeight <= element.clientHeight) continue;
    if (element.scrollWidth > element.clientWidth + 1)
      faults.push(`${element.className} scrolls sideways`);
  }
  return faults;
}"""


# Text of which a part is hidden, with or without an ellipsis, and text that runs out of its box.
CLIPPED = """(within) => {
  const faults = [];
  for (const element of [within, ...within.querySelectorAll("*")]) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !element.checkVisibility() || element.closest(".said")) continue;
    const words = document.createRange();
    words.selectNodeContents(element);
    const box = words.getBoundingClientRect();
    for (let at = element; at !== null; at = at.parentElement) {
      const room = at.getBoundingClientRect();
      const holds = getComputedStyle(at).overflowX !== "visible" || at === document.body;
      if (holds && (box.left < room.left - 1 || box.right > room.right + 1))
        faults.push(`"${element.innerText.slice(0, 40)}" is cut`);
    }
  }
  return faults;
}"""


@cache
def _axe() -> str:
    return AXE.read_text()


# Findings of the other rules are never grave: to look for them takes a seventh of axe's time.
RUN = """async (options) => {
  const slight = axe._audit.rules.filter(({ impact }) => ["minor", "moderate"].includes(impact));
  const rules = Object.fromEntries(slight.map(({ id }) => [id, { enabled: false }]));
  return (await axe.run(document, { ...options, rules })).violations;
}"""


def violations(page: Page, *, colours_alone: bool = False) -> list[str]:
    """Return a line for every serious or critical finding of axe on what is on screen."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(_axe())
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if colours_alone:
        options["runOnly"] = {"type": "rule", "values": COLOUR_RULES}
    found = page.evaluate(RUN, options)
    return [_line(one) for one in found if one["impact"] in GRAVE]


def _line(found: dict[str, Any]) -> str:
    nodes = found["nodes"]
    where = json.dumps([node["target"] for node in nodes][:3])
    why = nodes[0]["failureSummary"].splitlines()[-1].strip()
    return f"{found['id']} ({found['impact']}): {where} {why}"


def cut_off(page: Page) -> list[str]:
    """Return a line for everything that is wider than the room it has."""
    found: list[str] = page.evaluate(CUT)
    return found


def clipped(within: Locator) -> list[str]:
    """Return a line for every text in something that is not there to its end."""
    found: list[str] = within.evaluate(CLIPPED)
    return found


@dataclass
class Looks:
    """Stops at the screens of one officer; ``faults`` says what is wrong with them. ``themes``: one
    is enough for a tour that another officer follows in the other."""

    officer: Officer
    screen: ViewportSize
    themes: tuple[Colours, ...] = ("light", "dark")
    faults: list[str] = field(default_factory=list)
    stops: list[str] = field(default_factory=list)

    def at(self, stop: str) -> None:
        """Look at what is on screen now: each theme, and the narrowest phone if this is one."""
        page, english = self.officer.page, self.officer.language == "en"
        self.stops.append(stop)
        for number, colours in enumerate(self.themes if english else self.themes[:1]):
            self._paint(colours)
            if english:
                found = violations(page, colours_alone=number > 0)
                self.faults += [f"{stop}, {colours}: {one}" for one in found]
            self._picture(f"{stop}-{colours}")
        # The next stop begins with the theme that is shown: to paint another takes 25 ms.
        if english:
            self.themes = self.themes[::-1]
        if self.screen["width"] < DESKTOP["width"]:
            page.set_viewport_size(SMALL_PHONE)
            self.faults += [f"{stop}, 360 px: {one}" for one in cut_off(page)]
            page.set_viewport_size(PHONE)
        else:
            self.faults += [f"{stop}: {one}" for one in cut_off(page)]

    def _paint(self, colours: Colours) -> None:
        page = self.officer.page
        page.emulate_media(color_scheme=colours)
        page.wait_for_function(PAINTED, arg=colours)

    def _picture(self, name: str) -> None:
        folder = f"{self.screen['width']}"
        if self.officer.language != "en":
            folder += f"-{self.officer.language}"
        picture(
            self.officer.page,
            self.officer.artefacts / folder / f"{len(self.stops):02}-{name}.png",
        )

    def follow(self, tour: Iterator[str]) -> None:
        """Follow a tour to its end and look at every stop."""
        for stop in tour:
            self.at(stop)

    def told(self) -> list[str]:
        """Return the faults since this was asked last."""
        told, self.faults = self.faults, []
        return told
