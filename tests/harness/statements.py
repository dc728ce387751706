"""Checks that the tests that run on PostgreSQL execute every statement of the server there.

The marker ``databases`` lets a module run on SQLite alone if other tests execute its statements on
PostgreSQL. With EVERY_DATABASE=1 every test runs on both, and the run fails for each statement that
only tests of SQLite execute; it names one of these tests.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, event

_NUMBERS = re.compile(r"(?:\(\$\d+[^()]*\)(?:, )?)+|\$\d+(?:::[A-Z]+)?(?:, (?=\$))?")


class EveryDatabase:
    """A plugin for pytest. ``runs``: whether a test runs also without EVERY_DATABASE."""

    def __init__(self, runs: Callable[[pytest.Item], bool]) -> None:
        self._runs = runs
        self._kept: set[str] = set()
        self._left: dict[str, str] = {}  # A test for each statement.
        self._item: pytest.Item | None = None
        event.listen(Engine, "before_cursor_execute", self._executed)

    def _executed(self, connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if self._item is None or connection.dialect.name != "postgresql":
            return
        # However many values it binds.
        same = _NUMBERS.sub("?", statement)
        if self._runs(self._item):
            self._kept.add(same)
        else:
            self._left.setdefault(same, self._item.nodeid)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._item = item
        return (yield)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Add what a worker's tests executed."""
        kept, left = node.workeroutput.get("statements", ((), {}))
        self._kept.update(kept)
        self._left.update(left)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput["statements"] = sorted(self._kept), self._left
            return
        lost = {one: test for one, test in self._left.items() if one not in self._kept}
        for statement, test in lost.items():
            print(f"\nnever on PostgreSQL without EVERY_DATABASE: {test}\n{statement}")
        if lost:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
