"""Each benchmark of servers runs, at a size of seconds, and prints its figures.

They take 42 s of a processor, and those of tests/browser/test_bench.py 28 s, each with 6 s for what
a session of tests imports anyway: `time pytest -q tests/bench/test_small.py`, on 2 idle cores.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bench.__main__ import app
from bench.machine.children import Child
from bench.machine.postgresql import PostgreSQL
from tests import bench_message
from tests.harness import forking
from tests.harness import postgresql as postgresqls
from tests.harness.fixtures import apart
from tests.harness.server import ROOT

FIGURES: Mapping[str, set[str]] = {
    "fanout": {
        *("members", "cells", "decrypted", "lost", "upload_bytes", "key_upload_bytes"),
        *("first_receipt_ms", "p50_ms", "last_receipt_ms", "floor_last_ms", "ratio_to_floor"),
    },
    "reconnect": {
        *("clients", "keys", "lost", "duplicates", "stopped_s", "started_s", "caught_up_s"),
        *("floor_connect_s", "server_cpu_us_per_client", "key_upload_bytes"),
    },
    "orders": {
        *("complete_s", "lost", "statements_per_receipt", "cpu_us_per_receipt", "issuer_bytes"),
        *("dashboard_p95_s", "signatures_verified", "verified_again", "export_s", "ratio_to_floor"),
    },
    "push": {
        *("devices", "woken", "duplicates", "last_s", "cpu_us_per_push", "floor_cpu_us_per_push"),
        *("ratio_to_floor", "message_p99_ms"),
    },
    "ingest": {
        *("groups", "floor_per_s", "accepted_per_s_sqlite", "p99_ms_sqlite"),
        *("accepted_per_s_postgresql", "p99_ms_postgresql", "statements_per_message"),
    },
    "membership": {
        *("members", "cells", "import_s", "cut_off_s_p99", "joined_s_p99", "settled_s", "lost"),
        *("opened_by_removed", "bytes_per_member_p99", "cell_keys_made", "share_posts"),
        *("cut_off_after_import_s_p99", "unlisted_s_p99", "next_message_s", "server_cpu_s"),
        *("requests_per_newcomer", "shares_asked_awaited", "floor_cpu_s", "cpu_ratio_to_floor"),
    },
    "reorganise": {
        *("members", "transfers", "import_s", "joined_s_p99", "settled_s", "lost", "waiting"),
        *("opened_by_removed", "bytes_per_member_p99", "server_cpu_s", "whole_heads"),
    },
    "insider": {
        *("quiet_p99_ms", "commander_p50_ms", "commander_p99_ms", "ratio_p99", "blocked", "lost"),
        *("attacks", "attacks_accepted", "pushes", "push_p99_s", "push_later_s", "shares_asked"),
    },
    "directory": {
        *("groups", "search_p99_ms_sqlite", "search_p99_ms_postgresql", "xlsx_100k_s_sqlite"),
        *("audience_p99_ms_sqlite", "single_gone_s_p99_sqlite", "single_followed_s_p99_sqlite"),
        *("gone_s_p99_sqlite", "followed_s_p99_postgresql", "import_100k_s_postgresql"),
        *("overview_ms_sqlite", "charts_statements_postgresql", "untrained_file_s_sqlite"),
    },
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the force that they share."""
    return tmp_path_factory.mktemp("forces")


@pytest.fixture
def one_postgresql(postgresql: postgresqls.PostgreSQL, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let benchmarks use one server, where each has its own empty database."""
    names: dict[int, str] = {}

    def start(borrowed: PostgreSQL) -> bool:
        names[id(borrowed)] = apart(postgresql.create_database())
        return True

    monkeypatch.setattr(PostgreSQL, "__init__", lambda _: None)
    monkeypatch.setattr(PostgreSQL, "start", start)
    monkeypatch.setattr(PostgreSQL, "close", lambda _: None)
    monkeypatch.setattr(PostgreSQL, "pid", postgresql.pid)
    monkeypatch.setattr(PostgreSQL, "url", lambda borrowed: postgresql.url(names[id(borrowed)]))


@pytest.fixture
def forked_children(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the other processes of benchmarks have imported everything before they begin."""
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}

    def begin(child: Child, module: str, *arguments: str) -> None:
        (commands, told), (heard, answers) = os.pipe(), os.pipe()
        with os.fdopen(answers, "wb") as output, os.fdopen(os.dup(2), "wb") as errors:
            given = [f"{commands}", module, *arguments]
            process = forking.start(
                "tests.bench.child", given, environment, output, errors, [commands]
            )
        os.close(commands)
        parts = {"_process": process, "_in": os.fdopen(told, "w"), "_out": os.fdopen(heard)}
        for name, part in parts.items():
            setattr(child, name, part)

    monkeypatch.setattr(Child, "__init__", begin)


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("forked_children", "one_postgresql")
@pytest.mark.parametrize("name", FIGURES)
def test_it_prints_its_figures(name: str, cache: Path) -> None:
    done = CliRunner().invoke(app, [name, "--small", "--cache", str(cache)])
    assert done.exit_code == 0, done.output + str(done.exc_info)
    assert FIGURES[name] <= json.loads(done.stdout.splitlines()[-1]).keys()


def test_a_message_prints_its_figures(capfd: pytest.CaptureFixture[str]) -> None:
    assert bench_message.main(["--small"]) == 0
    bench_message.check(capfd.readouterr().out.splitlines()[-1])
