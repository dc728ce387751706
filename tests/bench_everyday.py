"""`make bench-everyday`: the app on a slow phone with 100,000 messages in 300 chats.

A force of 60 people at the real servers, as in `make bench-first-day`: each chat has 30 days of
signed and encrypted messages, under a key for each day, which other devices share. A new phone,
the app in Chromium, fetches, checks, opens and indexes all of them at full speed. Then it is
slowed, its network answers 300 ms later, and what officers do all day is timed. The last line is
JSON.
"""

import argparse
import contextlib
import dataclasses
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, sync_playwright

from bench.browser import chromium
from bench.figures import Figures, report, say
from bench.force import caching
from demo import synthetic
from tests.bench_first_day.preparing import DAYS, FirstDay, prepare, served, unit
from tests.bench_phone import Phone, quantile
from tests.harness.chromium import launch
from tests.harness.outbox import Outbox

FILL_LIMIT_S = 3_600
MEMBERS = 60
LIMITS = {
    "requests_per_person_per_minute": 1_000_000,
    "share_requests_per_person_per_minute": 10_000,
}
# How many messages the phone has stored, and how many wait for their key.
STORED = """async () => {
  const database = await new Promise((resolve, reject) => {
    const asked = indexedDB.open("copconnect");
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
  const rows = database.transaction("records").objectStore("records");
  const count = (store) => new Promise((resolve, reject) => {
    const asked = rows.count(IDBKeyRange.bound([store, ""], [store, "\uffff"]));
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
  const counts = [await count("messages"), await count("pending")];
  database.close();
  return counts;
}"""
NETWORK_MS = 300
# A person looks before the next press.
SETTLED_MS = 1_000
# Wheel turns of 400 pixels, as a thumb that looks for something.
TURNS = 40
LONG_TASKS = """() => {
  globalThis.longTasks = [];
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) longTasks.push(duration);
  }).observe({ type: "longtask" });
}"""


@dataclasses.dataclass(frozen=True)
class Load:
    """How much the phone holds and does."""

    messages: int
    chats: int
    opened: int
    searches: int
    film_s: int
    slowdown: float


def generated(count: int) -> Sequence[str]:
    """Return so many texts, the same in each run."""
    printed = subprocess.run(
        ["node", "--import", "tsx", "client/bench/print-texts.ts", str(count)],
        stdout=subprocess.PIPE,
        check=True,
    )
    return [json.loads(line) for line in printed.stdout.splitlines()]


def words_of(texts: Sequence[str], count: int) -> Sequence[str]:
    """Return the first words of texts, no two the same."""
    words = [word for text in texts for word in text.split()]
    return list(dict.fromkeys(one for one in words if one.isalpha() and 4 <= len(one) <= 12))[
        :count
    ]


def beginning(text: str) -> str:
    """Return the first words of a text, which a screen does not format."""
    return re.split(r"[\n*_]|https?:", text)[0][:24].strip()


class Everyday(Phone):
    """A phone that is used all day."""

    def start(self) -> None:
        """Open the app."""
        self.officer.page = self.officer.context.new_page()
        self.officer.open("/")

    def fill(self, messages: int) -> None:
        """Register; wait until everything is fetched and opened, and then until it is indexed."""
        self.officer.open()
        self.officer.register()
        began = time.monotonic()
        counts = [0, 0]
        while counts[0] < messages or counts[1] > 0:
            if time.monotonic() > began + FILL_LIMIT_S:
                raise RuntimeError(f"the phone has stored {counts} of {messages}")
            self.page.wait_for_timeout(1_000)
            counts = self.page.evaluate(STORED)
        self.figures["messages"] = counts[0]
        self.figures["filled_s"] = time.monotonic() - began
        say(f"{counts[0]:,} messages are stored after {self.figures['filled_s']:.0f} s.")
        self.page.get_by_role("searchbox").fill("charminar")
        said = self.officer.word("conversation.find.indexing", done="", total="")
        self._gone(said.partition(":")[0], quiet_s=5)
        self.figures["indexed_s"] = time.monotonic() - began - 5
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
            self.page.wait_for_timeout(SETTLED_MS)  # The app looks for messages too.
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
        self._turn("list", 1)
        self.page.get_by_role("searchbox").fill(title)
        self.officer.open_chat(title)
        self._turn("chat", -1)
        self.figures["long_tasks"] = (
            self.figures["list_long_tasks"] + self.figures["chat_long_tasks"]
        )

    def transcode(self, seconds: int) -> None:
        """Make a film of 1,920 by 1,080 small, at full speed: phones have hardware for it."""
        code = chromium.bundle("web/bench/film.ts", "film")
        page = self.officer.context.new_page()
        page.route("**/film", lambda route: route.fulfill(body="", content_type="text/html"))
        page.goto("/film")
        self.figures["transcode_s"] = page.evaluate(
            f"(s) => {{ {code}; return film.timed(s); }}", seconds
        )
        self.figures["film_s"] = seconds
        page.close()

    def _turn(self, where: str, direction: int) -> None:
        self.page.wait_for_timeout(SETTLED_MS)
        self.page.evaluate("() => void longTasks.splice(0)")
        self.page.mouse.move(195, 400)
        for _ in range(TURNS):
            self.page.mouse.wheel(0, direction * 400)
            self.page.wait_for_timeout(100)
        tasks: list[float] = self.page.evaluate("() => longTasks")
        self.figures[f"{where}_long_tasks"] = len(tasks)
        self.figures[f"{where}_longest_task_ms"] = max(tasks, default=0)


def prepared(cache: Path, load: Load) -> FirstDay:
    """Return the force and its chats, made now if they are not kept."""
    daily = load.messages / DAYS / load.chats
    per_day = [max(1, int(daily * (n + 1)) - int(daily * n)) for n in range(load.chats)]
    rule = unit(synthetic.SHOWN_STATION)
    texts = generated(DAYS * sum(per_day))
    return prepare(cache, MEMBERS, [(rule, one) for one in per_day], texts)


def measure(day: FirstDay, load: Load) -> Figures:
    """Fill one phone and use it."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="copconnect-bench-")))
        deployment, _ = stack.enter_context(served(day, folder, 1, **LIMITS))
        playwright = stack.enter_context(sync_playwright())
        browser = launch(playwright)
        stack.callback(browser.close)
        code_for = Outbox(deployment.origins[0]).code_for
        port = deployment.workers[0].port
        phone = stack.enter_context(Everyday(browser, port, code_for, day.officer))
        phone.fill(sum(one.seq for one in day.histories))
        say(json.dumps(phone.figures))
        return phone.figures | _used(phone, browser, [one.newest for one in day.histories], load)


def _used(phone: Everyday, browser: Browser, lasts: Sequence[str], load: Load) -> Figures:
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
        phone.open_chats([f"Group {one + 1:03}" for one in chosen], [lasts[one] for one in chosen])
        phone.search(words_of(lasts, load.searches))
        phone.scroll("Group 001")
        phone.memory()
        slow_page = median(phone.loops()[0] for _ in range(5)) / page_loop
        slow_worker = slow_down.measured(lambda: phone.loops()[1])
    phone.transcode(load.film_s)
    return phone.figures | {
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
    parser.add_argument("--cache", type=Path, default=caching.CACHE)
    parser.add_argument("--small", action="store_true", help="in seconds: no figures")
    options = parser.parse_args(arguments)
    load = Load(options.messages, 300, 20, 60, 60, options.slowdown)
    if options.small:
        load = Load(messages=120, chats=4, opened=1, searches=1, film_s=1, slowdown=1)
    report(measure(prepared(options.cache, load), load))
    return 0


if __name__ == "__main__":
    sys.exit(main())
