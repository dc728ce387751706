"""`make bench-message`: how long one message takes from one client to another.

Starts the real server (SQLite, a temporary folder) and runs client/bench/message.ts against it:
two clients of the real core under Node. Its last line, and so ours, is JSON with the keys below.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence

from tests.harness import databank
from tests.harness.department import bench_server
from tests.harness.server import ROOT

KEYS = {
    "p50_ms",
    "p99_ms",
    "floor_p50_ms",
    "ratio_p50",
    "statements_per_message",
}
LIMIT_S = 900


def check(line: str) -> dict[str, float]:
    """Return the figures of a result line. Raises ValueError for a missing or senseless one."""
    figures = json.loads(line)
    if not isinstance(figures, dict):
        raise ValueError(f"not an object: {line}")
    missing = KEYS - figures.keys()
    if missing:
        raise ValueError(f"missing in the result: {', '.join(sorted(missing))}")
    for key in KEYS:
        value = figures[key]
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            raise ValueError(f"{key} is {value!r}")
    if figures["p50_ms"] > figures["p99_ms"]:
        raise ValueError("the median is above the 99th percentile")
    return {key: float(figures[key]) for key in KEYS}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it and print what it prints."""
    parser = argparse.ArgumentParser(prog="bench-message", description=__doc__)
    parser.add_argument("--small", action="store_true", help="in seconds: no figures")
    small = parser.parse_args(arguments).small
    people = databank.officers()
    with bench_server(messages_per_person_per_minute=100_000) as server:
        result = subprocess.run(
            ["node", "--import", "tsx", "client/bench/message.ts"],
            cwd=ROOT,
            env=os.environ
            | {
                "COPCONNECT_URL": server.url,
                "COPCONNECT_MESSAGES": "8" if small else "400",
                "COPCONNECT_NUMBERS": ",".join(person.number for person in people[:2]),
            },
            stdout=subprocess.PIPE,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
    lines = result.stdout.rstrip().splitlines()
    if result.returncode != 0 or not lines:
        print(result.stdout, end="")
        print("the benchmark failed", file=sys.stderr)
        return 1
    print("\n".join(lines[:-1]))
    check(lines[-1])
    print(lines[-1])
    return 0


if __name__ == "__main__":
    sys.exit(main())
