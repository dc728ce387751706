"""`make bench-everyday`: the app on a slow phone with 100,000 messages in 300 chats.

The real server (SQLite, a temporary folder). Real cores under Node write the messages while the
phone is off; the app in Chromium, at full speed, fetches and indexes them. Then it is slowed, its
network answers 300 ms later, and what officers do all day is timed. The last line is JSON.
"""

import argparse
import contextlib
import dataclasses
import json
import re
import sys
import time
from collections.abc import Sequence
from statistics import median

from playwright.sync_api import Browser, sync_playwright

from bench.browser import chromium
from bench.figures import say
from bench.machine.node import NodeProgram
from tests.bench_phone import Phone, quantile
from tests.harness import databank
from tests.harness.chromium import launch
from tests.harness.department import bench_server
from tests.harness.server import ServerProcess

FILL_LIMIT_S = 7_200
WRITERS = 2
LIMITS = {
    "messages_per_person_per_minute": 1_000_000,
    "message_bytes_per_person_per_minute": 1024**3,
    "requests_per_person_per_minute": 1_000_000,
    "conversations_per_person_per_hour": 1_000,
    "member_changes_per_person_per_hour": 1_000,
}
NETWORK_MS = 300
# Wheel turns of 400 pixels, as a thumb that looks for something.
TURNS = 40
LONG_TASKS = """() => {
  globalThis.longTasks = [];
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) longTasks.push(duration);
  }).observe({ type: "longtask" });
}"""
KEYS = (
    *("messages", "chats", "caught_up_s", "indexed_s", "cold_start_ms", "open_ms_p50"),
    *("search_ms_p95", "long_tasks", "longest_task_ms", "memory_mb"),
    *("slowdown_page", "slowdown_worker"),
)
Figures = dict[str, float]


def check(line: str) -> dict[str, float]:
    """Return the figures of a result line. Raises ValueError for a missing or senseless one."""
    figures = json.loads(line)
    for key in KEYS:
        value = figures.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise ValueError(f"{key} is {value!r}")
    return {key: float(figures[key]) for key in KEYS}


@dataclasses.dataclass(frozen=True)
class Load:
    """How much the phone holds and does."""

    messages: int
    chats: int
    opened: int
    searches: int
    slowdown: float


@dataclasses.dataclass(frozen=True)
class Written:
    """The last text of each chat, and words that messages have."""

    lasts: Sequence[str]
    words: Sequence[str]


def fill(partners: Sequence[NodeProgram], person: databank.Officer, load: Load) -> Written:
    """Let the partners write everything, side by side."""
    chats, messages = load.chats // len(partners), load.messages // len(partners)
    for number, partner in enumerate(partners):
        first = 1 + number * chats
        partner.tell("fill", name=person.name, chats=chats, messages=messages, first=first)
    answers = [partner.hear(FILL_LIMIT_S) for partner in partners]
    return Written(
        [text for answer in answers for text in answer["lasts"]],
        list(dict.fromkeys(word for answer in answers for word in answer["words"])),
    )


def beginning(text: str) -> str:
    """Return the first words of a text, which a screen does not format."""
    return re.split(r"[\n*_]|https?:", text)[0][:24].strip()


class Everyday(Phone):
    """A phone that is used all day."""

    def begin(self) -> None:
        """Register, then close the app."""
        self.officer.open()
        self.officer.register()
        self.page.evaluate("() => navigator.serviceWorker.ready.then(() => undefined)")
        self.page.close()

    def start(self) -> None:
        """Open the app."""
        self.officer.page = self.officer.context.new_page()
        self.officer.open("/")

    def catch_up(self, chats: int) -> None:
        """Open the app and wait until everything is fetched, and then until all is indexed."""
        began = time.monotonic()
        self.start()
        self._expect("caught up", "a[data-row]", f"Group {chats}")
        self._seen("caught up")
        self._gone(self.officer.word("app.status.catchingUp"), quiet_s=5)
        self.figures["caught_up_s"] = time.monotonic() - began - 5
        self.page.get_by_role("searchbox").fill("charminar")
        said = self.officer.word("conversation.find.indexing", done="", total="")
        self._gone(said.partition(":")[0], quiet_s=5)
        self.figures["indexed_s"] = time.monotonic() - began - 5
        self.page.get_by_role("searchbox").fill("")
        self.page.close()

    def _gone(self, text: str, quiet_s: float) -> None:
        """Wait until a text has not been on screen for so long."""
        shown = self.page.get_by_text(text)
        deadline = seen = time.monotonic()
        deadline += FILL_LIMIT_S
        while time.monotonic() - seen < quiet_s:
            if shown.count() > 0:
                seen = time.monotonic()
            if seen > deadline:
                raise RuntimeError(f"the phone says for too long: {text}")
            self.page.wait_for_timeout(200)

    def start_cold(self) -> None:
        """Open the app until the list of chats is there."""
        self.start()
        self.figures["cold_start_ms"] = self._since_asked("list")

    def open_chats(self, titles: Sequence[str], lasts: Sequence[str]) -> None:
        """Open one chat after the other from the list, until its last message is there."""
        times = []
        for title, last in zip(titles, lasts, strict=True):
            self.page.goto("/#/chats")
            self.page.get_by_role("searchbox").fill(title)
            row = self.officer.chat(title)
            row.wait_for()
            self._expect(title, "article", beginning(last))
            row.click()
            times.append(self._since("click", title))
        self.figures["open_ms_p50"] = median(times)
        self.figures["open_ms_max"] = max(times)

    def search(self, words: Sequence[str]) -> None:
        """Search for one word after the other, from the last key until a found message is there."""
        self.page.goto("/#/chats")
        field = self.page.get_by_role("searchbox")
        times = []
        for word in words:
            field.fill("")
            self.page.get_by_role(
                "region", name=self.officer.word("conversation.find.title")
            ).wait_for(state="detached")
            self._expect(f"found {word}", "mark", "")
            field.press_sequentially(word)
            times.append(self._since("keydown", f"found {word}"))
        self.figures["search_ms_p50"] = median(times)
        self.figures["search_ms_p95"] = quantile(times, 0.95)
        field.fill("")

    def scroll(self, title: str) -> None:
        """Scroll the list of chats and then a chat, as somebody who looks for something."""
        self.page.goto("/#/chats")
        self.page.evaluate(LONG_TASKS)
        self._turn(1)
        self.page.get_by_role("searchbox").fill(title)
        self.officer.open_chat(title)
        self.page.evaluate("() => void longTasks.splice(0)")
        self._turn(-1)
        tasks: list[float] = self.page.evaluate("() => longTasks")
        self.figures["long_tasks"] = len(tasks)
        self.figures["longest_task_ms"] = max(tasks, default=0)

    def _turn(self, direction: int) -> None:
        self.page.mouse.move(195, 400)
        for _ in range(TURNS):
            self.page.mouse.wheel(0, direction * 400)
            self.page.wait_for_timeout(100)


def measure(server: ServerProcess, load: Load) -> Figures:
    """Fill one phone and use it."""
    people = databank.officers()
    person, writers = people[0], people[2 : 2 + WRITERS]
    partners = [NodeProgram("client/bench/phone-partner.ts", server.url) for _ in writers]
    with contextlib.ExitStack() as stack:
        for partner, writer in zip(partners, writers, strict=True):
            stack.callback(partner.close)
            partner.ask("enrol", number=writer.number)
        playwright = stack.enter_context(sync_playwright())
        browser = launch(playwright)
        stack.callback(browser.close)
        phone = stack.enter_context(Everyday(browser, server, 0))
        phone.begin()
        began = time.monotonic()
        written = fill(partners, person, load)
        say(f"{load.messages:,} messages are written in {time.monotonic() - began:.0f} s.")
        phone.catch_up(load.chats)
        say(json.dumps(phone.figures))
        return phone.figures | _used(phone, browser, written, load)


def _used(phone: Everyday, browser: Browser, written: Written, load: Load) -> Figures:
    phone.start()
    page_loop = phone.loops()[0]
    slow_down = chromium.Slowdown(
        load.slowdown, chromium.browser_pid(browser), lambda: phone.loops()[1]
    )
    phone.page.close()
    step = max(1, load.chats // load.opened)
    chosen = range(0, load.chats, step)[: load.opened]
    with slow_down.on(), phone.slow_network(NETWORK_MS / 1000):
        phone.start_cold()
        phone.open_chats(
            [f"Group {one + 1}" for one in chosen], [written.lasts[one] for one in chosen]
        )
        phone.search(written.words[: load.searches])
        phone.scroll("Group 1")
        phone.memory()
        slow_page = median(phone.loops()[0] for _ in range(5)) / page_loop
        slow_worker = slow_down.measured(lambda: phone.loops()[1])
    return phone.figures | {
        "messages": load.messages,
        "chats": load.chats,
        "memory_mb": phone.figures["tab_memory_kb"] / 1000,
        "slowdown": load.slowdown,
        "slowdown_page": slow_page,
        "slowdown_worker": slow_worker,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the last line is the result."""
    parser = argparse.ArgumentParser(prog="bench-everyday", description=__doc__)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--slowdown", type=float, default=6)
    parser.add_argument("--small", action="store_true", help="in seconds: no figures")
    options = parser.parse_args(arguments)
    load = Load(options.messages, 300, 20, 60, options.slowdown)
    if options.small:
        load = Load(messages=40, chats=4, opened=1, searches=1, slowdown=1)
    with bench_server(**LIMITS) as server:
        figures = measure(server, load)
    line = json.dumps({name: round(value, 2) for name, value in figures.items()})
    check(line)
    print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
