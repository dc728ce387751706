"""A Chromium for benchmarks, as slow as a phone. Needs playwright, which the server does not.

Chromium's own slowdown (CDP, ``Emulation.setCPUThrottlingRate``) is refused for workers, and the
client core runs in one. So the whole renderer process is stopped and resumed in turn: page,
worker and WebCrypto's threads are slowed alike. Work that other processes do for a page (the
network, IndexedDB's disk and drawing) is not slowed.
"""

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[2]
# Runs of the calibration; the best at full speed, the median when slowed.
_RUNS = 5
# How slow a page or worker is: a loop of the same length each time.
LOOP = """() => {
  const began = performance.now();
  let x = 1;
  for (let i = 0; i < 15_000_000; i++) x = (x * 31 + i) | 0;
  return performance.now() - began + (x === 0 ? 1e-9 : 0);
}"""


def executable() -> str | None:
    """Return the Chromium that this project's tests use, if there is one."""
    found = subprocess.run(["make/chromium"], capture_output=True, text=True, check=False)  # noqa: S607
    return found.stdout.strip() or None if found.returncode == 0 else None


def bundle(source: str, name: str, without: str = "") -> str:
    """Return a file of the app with its imports as one script, but for one import."""
    with tempfile.TemporaryDirectory() as folder:
        target, nothing = Path(folder) / "bundle.js", Path(folder) / "nothing.js"
        nothing.touch()
        subprocess.run(  # noqa: S603
            [
                *(str(ROOT / "node_modules/.bin/esbuild"), source, "--bundle"),
                *("--format=iife", f"--global-name={name}", f"--outfile={target}"),
                *([f"--alias:{without}={nothing}"] if without else []),
                "--log-level=warning",
            ],
            cwd=ROOT,
            check=True,
        )
        return target.read_text("utf-8")


@contextlib.contextmanager
def launched(path: str) -> Iterator["Browser"]:
    """Run this Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        try:
            yield browser
        finally:
            browser.close()


def browser_pid(browser: "Browser") -> int:
    """Return the id of the browser's own process, above all others of it."""
    session = browser.new_browser_cdp_session()
    try:
        processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    finally:
        session.detach()
    return int(next(process["id"] for process in processes if process["type"] == "browser"))


@contextlib.contextmanager
def slowed(factor: float, browser: int) -> Iterator[None]:
    """Slow down all renderers of this browser, all threads alike. A factor of 1 does nothing."""
    if factor <= 1:
        yield
        return
    process = subprocess.Popen(  # noqa: S603 - our own module.
        [sys.executable, "-m", "bench.browser.slowing", str(factor), str(browser)]
    )
    try:
        yield
        if process.poll() is not None:
            raise RuntimeError("what slows the browser down has ended")
    finally:
        process.terminate()
        process.wait()


def throttle(page: "Page", rate: float) -> float:
    """Let Chromium slow a page down, not its workers; return how slow it is then, measured."""
    full = min(float(page.evaluate(LOOP)) for _ in range(_RUNS))
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": rate})
    return median(float(page.evaluate(LOOP)) for _ in range(_RUNS)) / full


class Slowdown:
    """A slowdown that is what it says, by a loop that is timed in the page or worker itself."""

    def __init__(self, wanted: float, browser: int, loop: Callable[[], float]) -> None:
        self.wanted = wanted
        self._browser = browser
        self._full = min(loop() for _ in range(_RUNS))
        self.factor = wanted
        if wanted > 1:
            # The factor asked of the processes is corrected once: stopping them takes time too.
            with slowed(wanted, browser):
                self.factor *= wanted / self.measured(loop)

    @contextlib.contextmanager
    def on(self) -> Iterator[None]:
        """Slow down."""
        with slowed(self.factor, self._browser):
            yield

    def measured(self, loop: Callable[[], float]) -> float:
        """Return how slow it is now."""
        return median(loop() for _ in range(_RUNS)) / self._full
