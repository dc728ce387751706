"""A browser's renderers are stopped and resumed; its other processes are not."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from bench.browser import chromium, slowing
from tests.harness import waiting

# A browser with a zygote, from which a renderer and a helper were made.
CHILD = "import sys, time; time.sleep(600)"
ZYGOTE = f"""
import subprocess, sys
started = [subprocess.Popen([sys.executable, "-c", {CHILD!r}, kind])
           for kind in ("--type=renderer", "--type=utility")]
print(*(one.pid for one in started), flush=True)
for one in started: one.wait()
"""
BROWSER = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {ZYGOTE!r}])"


@pytest.fixture
def browser() -> Iterator[tuple[int, int, int]]:
    """The ids of a browser's process, its renderer's and its helper's."""
    process = subprocess.Popen(
        [sys.executable, "-c", BROWSER], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    renderer, helper = map(int, process.stdout.readline().split())
    try:
        yield process.pid, renderer, helper
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


def is_stopped(pid: int) -> bool:
    """Whether the process is stopped at this moment."""
    state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return state == "T"


def test_renderers_are_found_below_the_browser(browser: tuple[int, int, int]) -> None:
    above, renderer, helper = browser
    assert {renderer, helper} < set(slowing.descendants(above))
    renderers = slowing.Renderers(above)
    renderers.look()
    assert renderers.pids == [renderer]


def test_a_renderer_is_stopped_again_and_again_and_goes_on_in_the_end(
    browser: tuple[int, int, int],
) -> None:
    above, renderer, helper = browser
    helper_stopped = False

    def seen(stopped: bool) -> bool:
        nonlocal helper_stopped
        helper_stopped |= is_stopped(helper)
        return is_stopped(renderer) is stopped

    with chromium.slowed(4, above):
        for stopped in (True, False, True, False):
            waiting.until(partial(seen, stopped), "stopped or continuing")
    assert not is_stopped(renderer)
    assert not helper_stopped


def test_full_speed_starts_nothing(browser: tuple[int, int, int]) -> None:
    above, renderer, _ = browser
    with chromium.slowed(1, above):
        assert not is_stopped(renderer)


def test_a_slowdown_is_mended_by_what_the_loop_says(browser: tuple[int, int, int]) -> None:
    """Full speed is the best of five; asked for 6 it came to 4, so more is asked for."""
    times = iter([12.0, 10, 11, 10, 13, *[40.0] * 5, *[60.0] * 5])
    slowdown = chromium.Slowdown(6, browser[0], lambda: next(times))
    assert slowdown.factor == pytest.approx(9)
    assert slowdown.measured(lambda: next(times)) == pytest.approx(6)
