"""`make pictures`: takes the pictures of README.md and the guides again, out of a running demo.

The demo is the one of `make demo`; officers register in Chromium through the app's own screens, and
two of them become root admins. The pictures go to docs/pictures, as WebP of 150 KB at most.
"""

import argparse
import tempfile
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from tests.harness import databank
from tests.harness.browser import ROOT, STEP_LIMIT_MS, Station
from tests.harness.chromium import launch
from tests.harness.evidence import Secrets
from tests.pictures import app, console, demo_server
from tests.pictures.album import album


def main() -> int:
    """Take all pictures; return 1 if a page had an error."""
    parser = argparse.ArgumentParser(prog="pictures", description=__doc__)
    parser.add_argument("--people", type=int, default=3_000)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures")
    options = parser.parse_args()
    expect.set_options(timeout=STEP_LIMIT_MS)
    with tempfile.TemporaryDirectory(prefix="copconnect-pictures-") as made:
        folder = Path(made)
        with (
            demo_server.running(folder, options.people) as demo,
            sync_playwright() as playwright,
        ):
            browser = launch(playwright)
            people, artefacts = databank.of_demo(demo.data), ROOT / ".artefacts" / "pictures"
            code_for = demo.outbox.code_for
            station = Station(browser, demo.url, code_for, artefacts, Secrets(), people)
            try:
                with album(browser, options.out, artefacts) as pictures:
                    admins = console.admins(demo, station)
                    reporter = app.take(pictures, station)
                    console.take(pictures, demo, station, admins, reporter, folder)
            except Exception:
                station.keep_evidence()
                raise
            problems = station.problems()
            browser.close()
    print("\n".join(problems) or f"The pictures are in {options.out}.")
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
