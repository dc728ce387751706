"""Scrolling and searching in the large conversation, memory of the tab, pictures."""

import re
import time
from collections.abc import Callable, Sequence

from playwright.sync_api import Locator, expect

from copconnect.bench.figures import Figures, say
from tests.bench_chromium.fronts import Front, told
from tests.harness.looks import COLOURS, PAINTED
from tests.harness.tab import scroll

STEP_PX, FRAMES = 120, 600


class Looking:
    """Both in the conversation, which has its messages."""

    def __init__(self, conversation_id: str, both: Sequence[Front]) -> None:
        self._id = conversation_id
        self._both = both

    def around(self, cells: int, slowdown: float) -> Figures:
        """Everything, with the first; pictures of both."""
        first = self._both[0]
        figures = self._opened(first)
        figures |= self._memory(first)
        say(told(figures))
        figures |= self._scrolled(first, "")
        say(told(figures))
        first.tab.slow_down(slowdown)
        figures |= self._scrolled(first, f"_{slowdown:g}x")
        first.tab.slow_down(1)
        figures |= self._searched(first)
        say(told(figures))
        for front in self._both:
            self._pictures(front, cells)
        return figures | self._memory(first, "_in_the_end")

    def _memory(self, front: Front, suffix: str = "") -> Figures:
        found = front.tab.memory()
        return {
            f"page_heap_mb{suffix}": found.page_heap / 1e6,
            f"worker_heap_mb{suffix}": found.worker_heap / 1e6,
            f"renderer_rss_mb{suffix}": found.resident / 1e6,
            f"renderer_private_mb{suffix}": found.private / 1e6,
        }

    def _opened(self, front: Front) -> Figures:
        """How long the app takes from nothing to the conversation's messages."""
        front.go(f"chats/{self._id}")
        began = time.monotonic()
        front.officer.page.reload()
        front.officer.page.get_by_role("article").last.wait_for()
        return {"open_app_ms": (time.monotonic() - began) * 1000}

    def _scrolled(self, front: Front, suffix: str) -> Figures:
        front.go("chats")
        front.go(f"chats/{self._id}")
        front.officer.page.get_by_role("article").last.wait_for()
        figures = _frames(f"messages{suffix}", *scroll(self._messages(front), -STEP_PX, FRAMES))
        self._show_members(front)
        return figures | _frames(f"members{suffix}", *scroll(_members(front), STEP_PX, FRAMES))

    def _messages(self, front: Front) -> Locator:
        officer = front.officer
        return officer.page.get_by_role("region", name=officer.word("conversation.messages"))

    def _show_members(self, front: Front) -> None:
        front.go("chats")
        front.go(f"chats/{self._id}/info")
        # Rows below the screen are not drawn.
        _members(front).evaluate("(members) => members.scrollIntoView()")
        _members(front).get_by_role("link").first.wait_for()

    def _searched(self, front: Front) -> Figures:
        """By a name: among the members, and in the whole force. What is typed waits a quarter of a
        second for more."""
        wanted = self._both[1].officer.person.name
        self._show_members(front)
        field = front.officer.page.get_by_role("searchbox")
        # On top, where somebody else stood: some way down they may have been in the list already.
        found = _members(front).get_by_role("link").first.filter(has_text=wanted)
        figures = {"search_members_ms": _timed(lambda: field.fill(wanted), found)}
        front.go("people")
        field = front.officer.page.get_by_role("searchbox")
        found = front.officer.page.get_by_role("link").filter(has_text=wanted).first
        figures["search_people_ms"] = _timed(lambda: field.fill(wanted), found)
        return figures

    def _pictures(self, front: Front, cells: int) -> None:
        officer, page = front.officer, front.officer.page
        front.go(f"chats/{self._id}")
        page.get_by_role("article").last.wait_for()
        self._shot(front, "conversation")
        front.go(f"chats/{self._id}/info")
        ready = re.compile(rf"\b{cells} of {cells} cells ready")
        expect(page.get_by_text(ready)).to_be_visible()
        self._shot(front, "info")
        self._show_members(front)
        self._shot(front, "members")
        wanted = self._both[1].officer.person.name
        page.get_by_role("searchbox").last.fill(wanted)
        _members(front).get_by_role("link").first.filter(has_text=wanted).wait_for()
        self._shot(front, "members-found")
        front.go(f"chats/{self._id}/encryption")
        page.get_by_text(officer.word("conversation.encryption.check_text")).wait_for()
        self._shot(front, "encryption")
        say(f"Pictures are in {officer.artefacts}.")

    def _shot(self, front: Front, name: str) -> None:
        page = front.officer.page
        for colours in COLOURS:
            page.emulate_media(color_scheme=colours)
            page.wait_for_function(PAINTED, arg=colours)
            front.officer.shot(f"{name}-{colours}")
        page.emulate_media(color_scheme="light")


def _members(front: Front) -> Locator:
    return front.officer.page.get_by_role("region", name=re.compile(r"members?$"))


def _timed(act: Callable[[], None], found: Locator) -> float:
    began = time.monotonic()
    act()
    found.wait_for()
    return (time.monotonic() - began) * 1000


def _frames(name: str, gaps: Sequence[float], drawn: int) -> Figures:
    return {
        f"{name}_longest_frame_ms": gaps[-1],
        f"{name}_p95_frame_ms": gaps[int(len(gaps) * 0.95)],
        f"{name}_elements": drawn,
    }
