"""Fixtures for every test, beside the package and under tests/."""

import os
from hashlib import sha256

import pytest
from hypothesis import settings

from copconnect.commands.serving import configure_logging

# As a server logs. structlog's own way draws each exception as a picture with all variables, which
# takes a second.
configure_logging()

pytest_plugins = ["tests.harness.fixtures"]

# A busy machine is no failure: no example has a time limit of its own.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

# A worker that is free takes the next file. The files that take longest go first, so that no
# worker has one alone at the end.
LONGEST = ("tests/faults/", "tests/browser/test_screens.py", "tests/sockets/", "tests/property/")

# Tests of statements run on both databases. Others that need one run on either where several
# workers share them, as in `make test`: which, their names say. `make test DATABASES=both` and
# pytest by hand run all.
OF_STATEMENTS = (
    *("tests/contract/", "tests/doctor/", "tests/deploy/", "tests/harness/", "tests/reorganising/"),
    *("tests/identity/test_audience_rules.py", "tests/identity/test_busy_database.py"),
    *("tests/identity/test_imports.py", "tests/identity/test_import.py"),
    *("tests/identity/test_migrations.py", "tests/identity/test_races.py"),
    *("tests/identity/test_reorganised_groups.py", "tests/identity/test_wakeup_log.py"),
    "tests/orders/test_stored.py",
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the longest files first where several workers share them, and choose databases."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return
    if os.environ.get("DATABASES") != "both":
        elsewhere = [item for item in items if runs_elsewhere(item)]
        config.hook.pytest_deselected(items=elsewhere)
        items[:] = [item for item in items if item not in set(elsewhere)]
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


def runs_elsewhere(item: pytest.Item) -> bool:
    """Whether it is enough that the test runs on the other database."""
    if item.nodeid.startswith(OF_STATEMENTS) or not isinstance(item, pytest.Function):
        return False
    chosen = item.callspec.params if hasattr(item, "callspec") else {}
    back_end = chosen.get("database_url", chosen.get("empty_database_url"))
    name = item.nodeid.partition("[")[0]
    return back_end not in (None, ("sqlite", "postgresql")[sha256(name.encode()).digest()[0] % 2])
