"""``bench suites``: what both cipher suites cost a device, in Chromium, at several cell sizes.

The cells are grown once under Node and cached. The measuring worker is built as the app's is and
runs the core's own modules: MLS, vault, trust, cells. Times leave the network out; bytes are what
the core uploads and fetches. Each size is measured at full speed and slowed, in the same run.
"""

import contextlib
import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from copconnect.bench import chromium
from copconnect.bench.figures import say

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Worker

SUITES = {1: "X25519", 83: "X-Wing"}
DEVICES = 63_000
_FORMAT = 1  # Of the cached cells.
_BUILT = Path("build/bench")
_GROW = ("npx", "tsx", "client/bench/suites/grow.ts")
_BUILD = ("npx", "vite", "build", "--config", "web/vite.config.ts", "--mode", "bench")
_LIMIT_MS = 120_000
Row = dict[str, Any]


def run(
    cache: Path, suites: Sequence[int], sizes: Sequence[int], rounds: int, slowdown: float
) -> Row:
    """Return one row of figures for each suite, size and speed."""
    executable = chromium.executable()
    if executable is None:
        raise RuntimeError("there is no Chromium: run make chromium")
    cells = _grown(cache, suites, sizes)
    subprocess.run([*_BUILD, "--logLevel", "warn"], check=True)  # noqa: S603 - our own program.
    rows: list[Row] = []
    with _serving(_BUILT, cells) as origin, chromium.launched(executable) as browser:
        for suite in suites:
            for size in sizes:
                rows += _measure(browser, origin, suite, size, rounds, slowdown)
        version = browser.version
    return {"bench": "suites", "chromium": version, "devices": DEVICES, "rows": rows}


def _grown(cache: Path, suites: Sequence[int], sizes: Sequence[int]) -> Path:
    """Return the folder with a cell of each suite and size; grown beside one another if need be."""
    folder = cache / f"suites-{_FORMAT}"
    folder.mkdir(parents=True, exist_ok=True)
    missing = [
        suite
        for suite in suites
        if not all((folder / f"{suite}-{size}.msgpack").exists() for size in sizes)
    ]
    processes = []
    for suite in missing:
        say(f"Growing cells of {SUITES[suite]} …")
        command = [*_GROW, str(suite), str(folder), *map(str, sizes)]
        processes.append(subprocess.Popen(command, stdout=sys.stderr))  # noqa: S603 - our own.
    ends = [process.wait() for process in processes]
    if any(ends):
        raise RuntimeError("a cell could not be grown")
    return folder


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Files of two folders: the built page, and the cells below ``/cells/``."""

    def __init__(self, *args: Any, cells: Path, **kwargs: Any) -> None:
        self._cells = cells
        super().__init__(*args, **kwargs)

    def translate_path(self, path: str) -> str:
        """Return the file of a path."""
        if path.startswith("/cells/"):
            return str(self._cells / Path(path).name)
        return super().translate_path(path)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def _serving(page: Path, cells: Path) -> Iterator[str]:
    handler = partial(_Handler, directory=str(page), cells=cells)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://localhost:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def _measure(
    browser: "Browser", origin: str, suite: int, size: int, rounds: int, wanted: float
) -> list[Row]:
    context = browser.new_context()
    try:
        worker = _worker(context.new_page(), origin)
        worker.evaluate(
            "([url, devices]) => suites.prepare(url, devices)",
            [f"/cells/{suite}-{size}.msgpack", DEVICES],
        )
        rows = []

        def calibrated(kind: str) -> float:
            return float(worker.evaluate("kind => suites.calibrate(kind)", kind))

        # Compiled by then, as in an app that has run for a while.
        worker.evaluate("() => suites.measure(1)")
        slowdown, threads = (
            chromium.Slowdown(factor, chromium.browser_pid(browser), partial(calibrated, kind))
            for factor, kind in ((wanted, "script"), (1, "webCrypto"))
        )
        for factor in (1.0, wanted):
            with slowdown.on() if factor > 1 else contextlib.nullcontext():
                measured = slowdown.measured(partial(calibrated, "script"))
                others = threads.measured(partial(calibrated, "webCrypto"))
                figures = worker.evaluate("rounds => suites.measure(rounds)", rounds)
            row = {"suite": SUITES[suite], "size": size, "slowdown": factor}
            row |= {"slowdown_measured": measured, "slowdown_webcrypto": others} | figures
            rows.append({name: _rounded(value) for name, value in row.items()})
            say(json.dumps(rows[-1]))
        return rows
    finally:
        context.close()


def _worker(page: "Page", origin: str) -> "Worker":
    page.set_default_timeout(_LIMIT_MS)
    with page.expect_worker() as found:
        page.goto(origin)
    page.wait_for_function("() => document.title === 'ready'")
    return found.value


def _rounded(value: Any) -> Any:
    if not isinstance(value, float):
        return value
    return int(value) if value == int(value) else round(value, 1 if value >= 10 else 2)


_COLUMNS = (
    ("found, adding all", "found_ms", "found_up_bytes"),
    ("enter by Welcome", "welcome_ms", "welcome_down_bytes"),
    ("enter by external commit", "join_ms", "join_up_bytes"),
    ("receive a join", "joined_ms", "joined_down_bytes"),
    ("self-update", "update_ms", "update_up_bytes"),
    ("receive it", "updated_ms", "updated_down_bytes"),
    ("Remove and Add", "swap_ms", "swap_up_bytes"),
    ("receive it", "swapped_ms", "swapped_down_bytes"),
    ("encrypt a message", "encrypt_ms", "message_bytes"),
    ("decrypt it", "decrypt_ms", None),
    ("store state and tree", "store_ms", "tree_bytes"),
    ("make the key record", "record_ms", "record_bytes"),
    ("seal for all cells", "seal_ms", "seal_up_bytes"),
    ("open one's own seal", "open_ms", None),
)


def table(rows: Sequence[Row]) -> str:
    """Return the figures for people: a table for each suite, ms at both speeds, and bytes."""
    lines: list[str] = []
    for suite in dict.fromkeys(row["suite"] for row in rows):
        own = [row for row in rows if row["suite"] == suite]
        sizes = sorted({row["size"] for row in own})
        lines += ["", f"| {suite} | " + " | ".join(f"{size}" for size in sizes) + " |"]
        lines.append("|---" * (len(sizes) + 1) + "|")
        lines.append(_line("cells of a force", [str(_row(own, s)[0]["cells"]) for s in sizes]))
        for title, ms, size_key in _COLUMNS:
            cells = []
            for size in sizes:
                fast, slow = _row(own, size)
                cell = f"{_shown(fast[ms])} / {_shown(slow[ms])}"
                cells.append(cell + (f", {_weight(fast[size_key])}" if size_key else ""))
            lines.append(_line(title, cells))
        for title, key in (
            ("state without tree", "state_bytes"),
            ("group info fetched to join", "join_down_bytes"),
            ("all cells' key records", "records_down_bytes"),
        ):
            lines.append(_line(title, [_weight(_row(own, size)[0][key]) for size in sizes]))
    return "\n".join(lines[1:])


def _row(rows: Sequence[Row], size: int) -> tuple[Row, Row]:
    fast, slow = (row for row in rows if row["size"] == size)
    return fast, slow


def _line(title: str, cells: Sequence[str]) -> str:
    return f"| {title} | " + " | ".join(cells) + " |"


def _shown(ms: float) -> str:
    return f"{ms:,.0f}" if ms >= 10 else f"{ms:.1f}"


def _weight(size: int) -> str:
    return f"{size:,} B" if size < 10_000 else f"{size / 1000:,.0f} KB"
