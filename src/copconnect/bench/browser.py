"""What sealing costs in Chromium, over the cell key records of a real conversation.

Needs playwright and a Chromium, which the server does not.
"""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from copconnect.bench.figures import say

RUNS = 7
_PROGRAM = "client/bench/seal-in-browser.ts"


def seal_ms(records: Sequence[bytes], text: str, origin: str, folder: Path) -> dict[str, float]:
    """Return the median time of sealing for all these records; ``origin`` answers /healthz.

    Empty, with a line that says why, where there is no browser: nothing was measured then.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        say("seal_ms_browser is not measured: playwright is not installed.")
        return {}
    executable = _chromium()
    if executable is None:
        say("seal_ms_browser is not measured: there is no Chromium.")
        return {}
    bundle = folder / "seal.js"
    command = ("npx", "esbuild", _PROGRAM, "--bundle", "--format=iife", "--target=es2022")
    subprocess.run(  # noqa: S603 - our own program.
        [*command, "--log-level=warning", f"--outfile={bundle}"], check=True
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        try:
            context = browser.new_context(bypass_csp=True)
            page = context.new_page()
            page.goto(f"{origin}/healthz")
            page.add_script_tag(path=bundle)
            found = page.evaluate(
                "([records, text, runs]) => globalThis.sealing(records, text, runs)",
                [[record.hex() for record in records], text, RUNS + 1],
            )
        finally:
            browser.close()
    # The first run compiles.
    times = sorted(found["ms"][1:])
    return {"seal_ms_browser": times[len(times) // 2], "seal_ms_browser_best": times[0]}


def _chromium() -> str | None:
    """Return the Chromium that this project's tests use, if there is one."""
    found = subprocess.run(["make/chromium"], capture_output=True, text=True, check=False)  # noqa: S607
    return found.stdout.strip() or None if found.returncode == 0 else None
