"""`make bench-first-day`: one new device in a force, in seven conversations (two of them of the
whole force) with 30 days of history, in Chromium on a phone 6x slower.

The real servers (PostgreSQL, NATS); some of the other devices are simulated and connected, and
answer its share requests. The officer registers through the app's own screens. Times begin when the
code has been entered: until the first conversation shows its newest message in the list, and until
all do. Bytes are the payloads of requests, answers and frames of the API, as sent: ``down_bytes``
without pages of the log; ``history_bytes`` those. ``requests_…`` and ``bytes_…`` (down) count them
by kind of route; ``app`` are the app's own files. ``state_bytes``: what IndexedDB holds when all
are shown.
The last line is JSON.
"""

import argparse
import contextlib
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from bench.browser import chromium
from bench.figures import Figures, report, say
from bench.force import caching
from tests.bench_first_day.preparing import FirstDay, prepare, served
from tests.harness.browser import PHONE, ROOT, Officer
from tests.harness.chromium import launch
from tests.harness.outbox import Outbox
from tests.harness.recording import RecordingProxy
from tests.harness.traffic import exhibits

LIMIT_S = 300
ROUND_MS = 50
STATE = """async () => {
  const { usageDetails, usage } = await navigator.storage.estimate();
  return usageDetails?.indexedDB ?? usage ?? 0;
}"""
# By the path after /v1/.
_CONVERSATION = r"conversations/[0-9a-f]+/"
KINDS = {
    "socket": "socket$",
    "log": _CONVERSATION + "log$",
    "trust": "trust$|people/trust$",
    "leaves": _CONVERSATION + "cells",
    "heads": _CONVERSATION + "(head|heads|proofs)",
    "keys": _CONVERSATION + "(keys|shares|share-requests)|device-keys$",
    "conversations": r"conversations$|conversations/[0-9a-f]+(/(members|receipts))?$",
    "me": "me$",
    "directory": "directory$",
    "app": "$^",
    "other": "",
}
TEXTS = "() => [...document.querySelectorAll('a[data-row]')].map((one) => one.innerText)"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="bench-first-day", description=__doc__)
    parser.add_argument("--members", type=int, default=63_000)
    parser.add_argument("--slowdown", type=float, default=6)
    parser.add_argument("--processes", type=int, default=2, help="workers")
    parser.add_argument("--cache", type=Path, default=caching.CACHE)
    parser.add_argument("--small", action="store_true", help="in seconds: no figures")
    options = parser.parse_args(arguments)
    if options.small:
        options.members, options.slowdown, options.processes = 60, 1, 1
    day = prepare(options.cache, options.members)
    with tempfile.TemporaryDirectory(prefix="copconnect-bench-") as folder:
        report(measure(day, Path(folder), options.processes, options.slowdown))
    return 0


def measure(day: FirstDay, folder: Path, processes: int, slowdown: float) -> Figures:
    """Return the figures."""
    with contextlib.ExitStack() as stack:
        deployment, crowd = stack.enter_context(served(day, folder, processes))
        proxy = stack.enter_context(RecordingProxy(deployment.workers[0].port))
        outbox = Outbox(deployment.origins[0])
        playwright = stack.enter_context(sync_playwright())
        browser = launch(playwright)
        stack.callback(browser.close)
        context = browser.new_context(
            base_url=proxy.url, viewport=PHONE, has_touch=True, locale="en-IN"
        )
        context.set_default_timeout(LIMIT_S * 1000)
        page = context.new_page()
        artefacts = ROOT / ".artefacts" / "screenshots" / "bench-first-day"
        officer = Officer(day.officer, context, page, outbox.code_for, artefacts)
        officer.watch(page)
        officer.open()
        stack.callback(officer.keep_evidence)
        slowed = chromium.Slowdown(slowdown, chromium.browser_pid(browser), lambda: _loop(page))
        with slowed.on():
            figures = _first_day(officer, [one.newest for one in day.histories])
            figures["slowdown"] = slowed.measured(lambda: _loop(page))
        figures |= _moved(proxy)
        duties = crowd.ask("duties")[0]
        say(f"The others: {duties}")
        figures["shares"] = duties["share_posts"]
        if officer.problems:
            raise RuntimeError(f"in the page: {officer.problems}")
    return {
        "members": len(day.prepared.force.devices) + 1,
        "conversations": len(day.histories),
        "messages": sum(one.seq for one in day.histories),
    } | figures


def _loop(page: Page) -> float:
    (worker,) = page.workers
    return float(worker.evaluate(chromium.LOOP))


def _first_day(officer: Officer, newest: Sequence[str]) -> Figures:
    """Register; watch the list of chats until every newest message is there."""
    officer.choose_language()
    officer.enter_number()
    officer.enter_code()
    began = time.monotonic()
    officer.accept_conduct()
    officer.finish()
    registered = time.monotonic()
    seen: dict[str, float] = {}
    while len(seen) < len(newest):
        if time.monotonic() > began + LIMIT_S:
            officer.shot("missing")
            raise RuntimeError(f"only {sorted(seen)} are shown")
        shown = "\n".join(officer.page.evaluate(TEXTS))
        for text in newest:
            if text not in seen and re.search(rf"{re.escape(text)}\b", shown):
                seen[text] = time.monotonic() - began
                say(f"{text} is shown after {seen[text]:.1f} s.")
        officer.page.wait_for_timeout(ROUND_MS)
    return {
        "registered_s": registered - began,
        "first_conversation_s": min(seen.values()),
        "all_s": max(seen.values()),
        "state_bytes": float(officer.page.evaluate(STATE)),
    }


def _moved(proxy: RecordingProxy) -> Figures:
    """Return the bytes that the API moved, and requests and bytes down for each kind of route."""
    up = down = history = 0
    kinds: dict[str, str] = {}
    requests: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for exhibit in exhibits(proxy.recordings):
        connection, _, what = exhibit.where.partition(" request ")
        if what.endswith(", body"):
            index, method, target = what.removesuffix(", body").split(" ", 2)
            kind = kinds[f"{connection} {index}"] = _kind(target)
            requests[kind] += 1
            say(f"{method} {target}: {exhibit.sent_bytes} up")
            if kind not in ("app", "socket"):
                up += exhibit.sent_bytes
            continue
        connection, _, what = exhibit.where.partition(" answer ")
        if what.endswith(", body"):
            kind = kinds.get(f"{connection} {what.split(' ')[0]}", "other")
            sizes[kind] += exhibit.sent_bytes
        elif "socket down" in exhibit.where:
            sizes["socket"] += len(exhibit.data)
        elif "socket up" in exhibit.where:
            up += len(exhibit.data)
    history = sizes["log"]
    down = sizes.total() - history - sizes["app"]
    counted = {f"requests_{kind}": float(requests[kind]) for kind in KINDS}
    counted |= {f"bytes_{kind}": float(sizes[kind]) for kind in KINDS}
    return {"down_bytes": down, "up_bytes": up, "history_bytes": history} | counted


def _kind(target: str) -> str:
    """Return what a request asks for."""
    if not target.startswith("/v1/"):
        return "app"
    path = target.removeprefix("/v1/").partition("?")[0]
    return next((kind for kind, pattern in KINDS.items() if re.match(pattern, path)), "other")


if __name__ == "__main__":
    sys.exit(main())
