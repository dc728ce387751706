"""`make bench-phone`: one message between the web app on a slow phone and another client.

The real server (SQLite, a temporary folder), the built app in Chromium at 390×844 with page and
worker slowed, the real core under Node at the other end. The same at full speed in the same run,
with a new device. The last line is JSON: each time slowed, at full speed, and their ratio.
"""

import argparse
import contextlib
import dataclasses
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Self

from playwright.sync_api import Browser, Page, Worker, sync_playwright

from bench.browser import chromium, slowing
from bench.figures import say
from bench.machine.node import NodeProgram
from tests.harness import databank
from tests.harness.browser import PHONE, ROOT, STEP_LIMIT_MS, Officer
from tests.harness.chromium import launch
from tests.harness.department import bench_server
from tests.harness.recording import RecordingProxy
from tests.harness.server import ServerProcess

PAGE_SCRIPT = Path(__file__).with_name("phone_page.js")
TEXT = "Vehicle check at the junction from 18:00. Two constables needed, bring jackets."
WARM_UP = 5
TIMES = (
    "first_load_ms",
    "cold_start_ms",
    "caught_up_ms",
    "open_chat_ms",
    "key_p50_ms",
    "bubble_p50_ms",
    "sent_p50_ms",
    "send_to_shown_ms_p50",
    "send_to_shown_ms_p99",
    "receive_p50_ms",
    "receive_p99_ms",
    "frame_shown_p50_ms",
    "frame_shown_p99_ms",
)
ONCE = ("first_load_bytes", "first_visit_bytes", "tab_memory_kb", "page_heap_kb")
# The worker reads what a socket brought: remember when.
FRAMES = """() => {
  const own = Object.getOwnPropertyDescriptor(MessageEvent.prototype, "data");
  self.frameMs = [];
  Object.defineProperty(MessageEvent.prototype, "data", {
    ...own,
    get() {
      if (this.target instanceof WebSocket)
        self.frameMs.push(performance.timeOrigin + performance.now());
      return own.get.call(this);
    },
  });
}"""
Figures = dict[str, float]


def check(line: str) -> dict[str, float]:
    """Return the figures of a result line. Raises ValueError for a missing or senseless one."""
    figures = json.loads(line)
    if not isinstance(figures, dict):
        raise ValueError(f"not an object: {line}")
    wanted = [f"{name}{end}" for name in TIMES for end in ("", "_1x", "_ratio")]
    wanted += [*ONCE, "slowdown", "slowdown_page", "slowdown_worker", "messages"]
    for key in wanted:
        value = figures.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            raise ValueError(f"{key} is {value!r}")
    return {key: float(figures[key]) for key in wanted}


def quantile(values: Sequence[float], q: float) -> float:
    """Return the value below which this part of them lies."""
    return sorted(values)[min(len(values) - 1, int(q * len(values)))]


class Phone:
    """The web app on one new device, measured."""

    def __init__(
        self,
        browser: Browser,
        port: int,
        code_for: Callable[[str], str],
        person: databank.Officer,
    ) -> None:
        self._relay = RecordingProxy(port)
        self._browser = browser
        self._code_for = code_for
        self._person = person
        self._stack = contextlib.ExitStack()
        self.figures: Figures = {}

    def __enter__(self) -> Self:
        self._stack.enter_context(self._relay)
        context = self._browser.new_context(
            base_url=self._relay.url, viewport=PHONE, has_touch=True, locale="en-IN"
        )
        self._stack.callback(context.close)
        context.set_default_timeout(STEP_LIMIT_MS)
        context.add_init_script(path=PAGE_SCRIPT)
        page = context.new_page()
        artefacts = ROOT / ".artefacts"
        self.officer = Officer(self._person, context, page, self._code_for, artefacts)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def page(self) -> Page:
        """The page on screen."""
        return self.officer.page

    @property
    def worker(self) -> Worker:
        """The worker that runs the core."""
        (worker,) = self.page.workers
        return worker

    @contextlib.contextmanager
    def slow_network(self, round_trip_s: float) -> Iterator[None]:
        """Let each answer of the server come so much later."""
        self._relay.delay(round_trip_s)
        try:
            yield
        finally:
            self._relay.delay(0)

    def loops(self) -> tuple[float, float]:
        """Return how long the loop takes in the page and in the worker."""
        return float(self.page.evaluate(chromium.LOOP)), float(self.worker.evaluate(chromium.LOOP))

    def _expect(self, name: str, selector: str, text: str, within: str = "") -> None:
        """Begin to wait for an element that says this."""
        self.page.evaluate("what => phone.expect(...what)", [name, selector, text, within])

    def _seen(self, name: str) -> float:
        return float(self.page.evaluate("name => phone.when(name)", name))

    def _since(self, event: str, name: str) -> float:
        """Return how long after the last click or key press something was seen."""
        return self._seen(name) - float(self.page.evaluate("event => phone.did(event)", event))

    def _since_asked(self, name: str) -> float:
        """Return how long after the page was asked for something was seen."""
        return self._seen(name) - float(self.page.evaluate("phone.origin()"))

    def _loaded_bytes(self) -> int:
        return sum(len(recording.received) for recording in self._relay.recordings)

    def first_visit(self) -> None:
        """The app comes from the network, the person registers, the app is kept for later."""
        self.officer.open()
        self.figures["first_load_ms"] = self._since_asked("first")
        self.figures["first_load_bytes"] = self._loaded_bytes()
        self.officer.register()
        self.page.evaluate("() => navigator.serviceWorker.ready.then(() => undefined)")
        before = 0
        while before != (now := self._loaded_bytes()):
            before = now
            self.page.wait_for_timeout(1_000)
        self.figures["first_visit_bytes"] = before

    def meet(self, person: databank.Officer, partner: NodeProgram) -> None:
        """Open the conversation with the other end; both write once."""
        self.officer.open_direct(dataclasses.replace(self.officer, person=person))
        first = f"Is this {person.name}? {self._person.name} here."
        self.officer.say(first)
        partner.ask("arrived", text=first)

    def cold_start(self, title: str, partner: NodeProgram) -> None:
        """The app was closed; a message came; it is opened, and then the conversation."""
        self.page.close()
        text = f"While you were away, {self._person.name}."
        partner.ask("send", text=text)
        self.officer.page = self.officer.context.new_page()
        self.officer.open("/")
        self._expect("caught up", "a[data-row]", text)
        self.figures["cold_start_ms"] = self._since_asked("list")
        self.figures["caught_up_ms"] = self._since_asked("caught up")
        self._expect("open", "article", text)
        self.officer.chat(title).click()
        self.figures["open_chat_ms"] = self._since("click", "open")
        self.worker.evaluate(FRAMES)

    def write(self, partner: NodeProgram, messages: int, warm_up: int) -> None:
        """Type a little; send messages, each once the one before has arrived."""
        self.officer.composer.click()
        self.page.keyboard.type("Vehicle check at", delay=150)
        self.page.wait_for_function("() => phone.typed.length >= 16")
        self.figures["key_p50_ms"] = median(self.page.evaluate("phone.typed"))
        bubble, sent, received = [], [], []
        for i in range(warm_up + messages):
            text = f"{TEXT} {i} {self._person.code}"
            self.officer.composer.fill(text)
            self._expect("bubble", "article", text)
            self._expect("sent", "article", text, ".sent, .delivered, .read")
            self.officer.button("conversation.send").click()
            bubble.append(self._since("click", "bubble"))
            sent.append(self._since("click", "sent"))
            clicked = float(self.page.evaluate("phone.did('click')"))
            received.append(partner.ask("arrived", text=text)["atMs"] - clicked)
        self.figures["bubble_p50_ms"] = median(bubble[warm_up:])
        self.figures["sent_p50_ms"] = median(sent[warm_up:])
        shown = received[warm_up:]
        self.figures["send_to_shown_ms_p50"] = median(shown)
        self.figures["send_to_shown_ms_p99"] = quantile(shown, 0.99)

    def read(self, partner: NodeProgram, messages: int, warm_up: int) -> None:
        """Messages of the other end, each once the one before is on screen."""
        received, shown = [], []
        for i in range(warm_up + messages):
            text = f"{TEXT} {i} to {self._person.code}"
            self._expect("message", "article", text)
            self.worker.evaluate("() => void frameMs.splice(0)")
            began = partner.ask("send", text=text)["atMs"]
            seen = self._seen("message")
            frame = self.worker.evaluate("() => frameMs[0]")
            received.append(seen - began)
            shown.append(seen - frame)
        self._quantiles("receive", received[warm_up:])
        self._quantiles("frame_shown", shown[warm_up:])

    def _quantiles(self, name: str, values: Sequence[float]) -> None:
        self.figures[f"{name}_p50_ms"] = median(values)
        self.figures[f"{name}_p99_ms"] = quantile(values, 0.99)

    def memory(self) -> None:
        """Note the tab's memory: its process, without what others share, and the page's objects."""
        renderers = slowing.Renderers(chromium.browser_pid(self._browser))
        renderers.look()
        self.figures["tab_memory_kb"] = max(_pss_kb(pid) for pid in renderers.pids)
        session = self.officer.context.new_cdp_session(self.page)
        session.send("Performance.enable")
        metrics = session.send("Performance.getMetrics")["metrics"]
        heap = next(one["value"] for one in metrics if one["name"] == "JSHeapUsedSize")
        self.figures["page_heap_kb"] = heap / 1024


def _pss_kb(pid: int) -> int:
    """Return a process's memory, its part of what is shared included. 0 if it has ended."""
    with contextlib.suppress(OSError):
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        found = re.search(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)
        return int(found[1]) if found else 0
    return 0


def _used(
    phone: Phone, partner: NodeProgram, person: databank.Officer, messages: int, warm_up: int
) -> None:
    phone.first_visit()
    phone.meet(person, partner)
    phone.cold_start(person.name, partner)
    phone.write(partner, messages, warm_up)
    phone.read(partner, messages, warm_up)
    phone.memory()


def measure(server: ServerProcess, messages: int, slowdown: float, warm_up: int) -> Figures:
    """Measure both speeds, one after the other."""
    first, second, person = databank.officers()[:3]
    partner = NodeProgram("client/bench/phone-partner.ts", server.url)
    with contextlib.closing(partner), sync_playwright() as playwright:
        partner.ask("enrol", number=person.number)
        browser = launch(playwright)
        try:
            with Phone(browser, server.port, server.code_for, first) as phone:
                _used(phone, partner, person, messages, warm_up)
                fast = phone.figures
                page_loop, _ = phone.loops()
                slow_down = chromium.Slowdown(
                    slowdown, chromium.browser_pid(browser), lambda: phone.loops()[1]
                )
            say(json.dumps(fast))
            phone = Phone(browser, server.port, server.code_for, second)
            with slow_down.on(), phone:
                _used(phone, partner, person, messages, warm_up)
                slow = phone.figures
                slow_page = median(phone.loops()[0] for _ in range(5)) / page_loop
                slow_worker = slow_down.measured(lambda: phone.loops()[1])
            say(json.dumps(slow))
        finally:
            browser.close()
    figures: Figures = {"messages": messages, "slowdown": slowdown}
    figures |= {"slowdown_page": slow_page, "slowdown_worker": slow_worker}
    for name in TIMES:
        figures |= {name: slow[name], f"{name}_1x": fast[name]}
        figures[f"{name}_ratio"] = slow[name] / fast[name]
    return figures | {name: slow[name] for name in ONCE}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the last line is the result."""
    parser = argparse.ArgumentParser(prog="bench-phone", description=__doc__)
    parser.add_argument("--messages", type=int, default=50, help="each way")
    parser.add_argument("--slowdown", type=float, default=6)
    parser.set_defaults(warm_up=WARM_UP)
    parser.add_argument("--small", action="store_true", help="in seconds: no figures")
    options = parser.parse_args(arguments)
    if options.small:
        options.messages, options.slowdown, options.warm_up = 1, 1, 0
    with bench_server(messages_per_person_per_minute=100_000) as server:
        figures = measure(server, options.messages, options.slowdown, options.warm_up)
    line = json.dumps({name: round(value, 2) for name, value in figures.items()})
    check(line)
    print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
