"""How a benchmark reports: progress to standard error, its figures as one JSON line."""

import json
import math
import os
import sys
import time
from collections.abc import Mapping, Sequence

Figures = dict[str, float]
_began = time.monotonic()


def say(text: str) -> None:
    """Write a line of progress."""
    sys.stderr.write(f"[{time.monotonic() - _began:7.1f} s] {text}\n")
    sys.stderr.flush()


def report(figures: Mapping[str, float | int]) -> None:
    """Write the figures, and under what load of the machine they came about."""
    line = {name: _round(value) for name, value in figures.items()}
    load = os.getloadavg()[0]
    sys.stdout.write(json.dumps(line | {"load_average": round(load, 1)}) + "\n")
    sys.stdout.flush()


def percentile(values: Sequence[float], part: float) -> float:
    """Return the smallest value that at least this part of all values do not exceed."""
    return sorted(values)[max(0, math.ceil(part * len(values)) - 1)]


def spread(name: str, times_ms: Sequence[float]) -> Figures:
    """Return median and 99th percentile of times, in seconds."""
    return {
        f"{name}_p50": percentile(times_ms, 0.5) / 1000,
        f"{name}_p99": percentile(times_ms, 0.99) / 1000,
    }


def _round(value: float) -> float | int:
    if isinstance(value, int) or value == int(value):
        return int(value)
    return round(value, 3 if abs(value) < 100 else 1)
