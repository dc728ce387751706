"""Fixtures for every test, beside the package and under tests/."""

import gc
import os

import pytest
from hypothesis import settings

from copconnect.commands.serving import configure_logging
from tests.harness import compiled
from tests.harness.statements import EveryDatabase

# As a server logs. structlog's own way draws each exception as a picture with all variables, which
# takes a second.
configure_logging()

compiled.share()

pytest_plugins = ["tests.harness.fixtures"]

# A busy machine is no failure: no example has its own time limit. CI judges a change by the
# same examples each time; new ones are for people who run the tests by hand and mend what they
# find.
settings.register_profile("patient", deadline=None, derandomize="RERUN_FAILED" in os.environ)
settings.load_profile("patient")

# A worker that is free takes the next file. The files that take longest go first, so that no
# worker has one alone at the end.
LONGEST = (
    *("tests/faults/", "tests/sockets/", "tests/property/", "tests/rights/"),
    *(
        f"tests/browser/test_{name}.py"
        for name in ("screens", "console", "bench", "reports", "conversation", "approval")
    ),
)


EVERY_DATABASE = "EVERY_DATABASE"

# Garbage is collected once all is imported, and then seldom: a fifth of the time went there.
gc.disable()


def pytest_configure(config: pytest.Config) -> None:
    """Count statements where no test is left out."""
    if EVERY_DATABASE in os.environ:
        config.pluginmanager.register(EveryDatabase(_runs))


def pytest_collection_finish() -> None:
    """Let the collector pass over what stays: all modules and tests."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out the databases that a test does not name; put the longest files first where several
    workers share them."""
    if EVERY_DATABASE not in os.environ:
        items[:] = [item for item in items if _runs(item)]
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


def _runs(item: pytest.Item) -> bool:
    named = item.get_closest_marker("databases")
    on_postgresql = item.get_closest_marker("postgresql") is not None
    return named is None or not on_postgresql or "postgresql" in named.args
