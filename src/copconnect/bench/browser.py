"""What sealing costs in Chromium, over the cell key records of a real conversation.

Needs playwright and a Chromium, which the server does not.
"""

import subprocess
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from copconnect.bench import chromium
from copconnect.bench.figures import say

RUNS = 7
_PROGRAM = "client/bench/seal-in-browser.ts"


def seal_ms(records: Sequence[bytes], text: str, origin: str, folder: Path) -> dict[str, float]:
    """Return the median time of sealing for all these records; ``origin`` answers /healthz.

    Empty, with a line that says why, where there is no browser: nothing was measured then.
    """
    if find_spec("playwright") is None:
        say("seal_ms_browser is not measured: playwright is not installed.")
        return {}
    path = chromium.executable()
    if path is None:
        say("seal_ms_browser is not measured: there is no Chromium.")
        return {}
    bundle = folder / "seal.js"
    command = ("npx", "esbuild", _PROGRAM, "--bundle", "--format=iife", "--target=es2022")
    subprocess.run(  # noqa: S603 - our own program.
        [*command, "--log-level=warning", f"--outfile={bundle}"], check=True
    )
    with chromium.launched(path) as browser:
        page = browser.new_context(bypass_csp=True).new_page()
        page.goto(f"{origin}/healthz")
        page.add_script_tag(path=bundle)
        found = page.evaluate(
            "([records, text, runs]) => globalThis.sealing(records, text, runs)",
            [[record.hex() for record in records], text, RUNS + 1],
        )
    # The first run compiles.
    times = sorted(found["ms"][1:])
    return {"seal_ms_browser": times[len(times) // 2], "seal_ms_browser_best": times[0]}
