"""``make bench-steps``: a phone's steps when the keys of a large conversation change.

The app's own code in a Chromium whose renderer is slowed six times, with 256 people: verifying what
is signed about all of them, and again when it is known; sealing a cell's key to half of the devices
and to all; a batch of late seals to 32 cells; a share, its opening, and the opening of a cell's and
of a conversation's key. ``…_1x``: at full speed. Times are medians. The last line is JSON.
"""

import argparse
import sys
from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

from bench.browser import chromium
from bench.figures import Figures, report, say

if TYPE_CHECKING:
    from playwright.sync_api import Page

PEOPLE, ROUNDS, SLOWER = 256, 5, 6.0
SMALL = 4
_ORIGIN = "http://localhost/"  # A page without an origin has no IndexedDB.


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench-steps", description=__doc__)
    parser.add_argument("--small", action="store_true", help="in seconds: no figures")
    small = parser.parse_args(arguments).small
    path = chromium.executable()
    if path is None:
        sys.stderr.write("There is no Chromium: make chromium\n")
        return 1
    people, rounds, slower = (SMALL, 1, 1.0) if small else (PEOPLE, ROUNDS, SLOWER)
    code = chromium.bundle("client/bench/phone-steps.ts", "steps", "fake-indexeddb/auto")
    with chromium.launched(path) as browser:
        page = browser.new_page()
        page.route("**/*", lambda route: route.fulfill(body="", content_type="text/html"))
        page.goto(_ORIGIN)
        page.evaluate(f"() => {{ {code}; globalThis.steps = steps; }}")
        page.evaluate(f"async () => {{ globalThis.round = await steps.prepare({people}); }}")
        say(f"{people} people are made.")
        full = _rounds(page, rounds)
        slowdown = chromium.Slowdown(
            slower,
            chromium.browser_pid(browser),
            lambda: float(page.evaluate(chromium.LOOP)),
        )
        with slowdown.on():
            slowed = _rounds(page, rounds)
            reached = slowdown.measured(lambda: float(page.evaluate(chromium.LOOP)))
    report(
        {"people": people, "slowdown": reached}
        | slowed
        | {f"{name}_1x": value for name, value in full.items()}
    )
    return 0


def _rounds(page: "Page", rounds: int) -> Figures:
    found = [page.evaluate("() => round()") for _ in range(rounds)]
    return {name: median(one[name] for one in found) for name in found[0]}


if __name__ == "__main__":
    sys.exit(main())
