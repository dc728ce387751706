"""The cost of a tab: memory of the page, its worker and their process; frames while it scrolls."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, CDPSession, Locator, Page

from tests.harness.browser import until

SETTLE_MS = 200

# Scrolls the list that an element has or is in by `step` pixels in each frame, as a fling does. The
# gaps between the frames in ms, and of how many elements the list consists then.
SCROLL = """async (anchor, [step, frames]) => {
  const scrolls = (one) => /auto|scroll/.test(getComputedStyle(one).overflowY);
  let list = [anchor, ...anchor.querySelectorAll("*")].find(scrolls) ?? anchor;
  while (!scrolls(list)) list = list.parentElement;
  const next = () => new Promise(requestAnimationFrame);
  await next();
  const gaps = [];
  let before = await next();
  for (let i = 0; i < frames; i++) {
    list.scrollBy(0, step);
    const now = await next();
    gaps.push(now - before);
    before = now;
  }
  return { gaps, drawn: list.querySelectorAll("*").length };
}"""


@dataclass(frozen=True)
class Memory:
    """Bytes. The heaps are measured after a collection; the process is the renderer's."""

    page_heap: int
    worker_heap: int
    resident: int
    private: int


class Tab:
    """One page in a Chromium that shows nothing else."""

    def __init__(self, browser: Browser, page: Page) -> None:
        self._browser = browser.new_browser_cdp_session()
        self._page = page
        self._session = page.context.new_cdp_session(page)
        self._workers: list[str] = []
        self._answers: dict[int, dict[str, Any]] = {}
        self._asked = 0
        self._session.on("Target.attachedToTarget", self._attached)
        self._session.on("Target.detachedFromTarget", self._detached)
        self._session.on("Target.receivedMessageFromTarget", self._received)
        attach = {"autoAttach": True, "waitForDebuggerOnStart": False, "flatten": False}
        self._session.send("Target.setAutoAttach", attach)

    def _attached(self, event: dict[str, Any]) -> None:
        if event["targetInfo"]["type"] == "worker":
            self._workers.append(event["sessionId"])

    def _detached(self, event: dict[str, Any]) -> None:
        # A page that is loaded again starts another worker.
        if event["sessionId"] in self._workers:
            self._workers.remove(event["sessionId"])

    def _received(self, event: dict[str, Any]) -> None:
        message = json.loads(event["message"])
        if "id" in message:
            self._answers[message["id"]] = message

    def _ask_worker(self, session_id: str, method: str) -> dict[str, Any]:
        self._asked += 1
        asked = {"id": self._asked, "method": method}
        message = {"sessionId": session_id, "message": json.dumps(asked)}
        self._session.send("Target.sendMessageToTarget", message)
        until(self._page, lambda: self._asked in self._answers)
        result: dict[str, Any] = self._answers.pop(self._asked)["result"]
        return result

    def memory(self) -> Memory:
        """Collect what is collectable, then measure."""
        for session_id in self._workers:
            self._ask_worker(session_id, "HeapProfiler.collectGarbage")
        self._session.send("HeapProfiler.collectGarbage")
        self._page.wait_for_timeout(SETTLE_MS)
        heaps = [self._ask_worker(one, "Runtime.getHeapUsage") for one in self._workers]
        resident, private = max(_process(pid) for pid in _renderers(self._browser))
        return Memory(
            page_heap=_used(self._session.send("Runtime.getHeapUsage")),
            worker_heap=sum(map(_used, heaps)),
            resident=resident,
            private=private,
        )

    def slow_down(self, times: float) -> None:
        """Let the page's own thread run so many times slower. The worker's is not: Chromium slows
        main threads only."""
        self._session.send("Emulation.setCPUThrottlingRate", {"rate": times})


def scroll(anchor: Locator, step: int, frames: int) -> tuple[list[float], int]:
    """Scroll the list that ``anchor`` is in; return the gaps between frames, ms, ascending, and of
    how many elements the list consisted at the end."""
    found = anchor.evaluate(SCROLL, [step, frames])
    return sorted(found["gaps"]), found["drawn"]


def _used(heap: dict[str, Any]) -> int:
    # Bytes that JavaScript objects hold outside the heap, such as those of arrays, are theirs too.
    return int(heap["usedSize"] + heap.get("backingStorageSize", 0))


def _renderers(browser: CDPSession) -> list[int]:
    processes = browser.send("SystemInfo.getProcessInfo")["processInfo"]
    return [one["id"] for one in processes if one["type"] == "renderer"]


def _process(pid: int) -> tuple[int, int]:
    """Return resident and private bytes. The app's renderer is the largest of several: the others
    wait for pages to come."""
    found = {"Rss": 0, "Private_Clean": 0, "Private_Dirty": 0}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name in found:
            found[name] = int(rest.split()[0]) * 1024
    return found["Rss"], found["Private_Clean"] + found["Private_Dirty"]
