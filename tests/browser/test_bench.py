"""Each benchmark with a browser runs, at a size of seconds, and prints its figures.

The processor time is in the docstring of :mod:`tests.bench.test_small`.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.harness import forking
from tests.harness.server import ROOT

FIGURES: Mapping[str, set[str]] = {
    "tests.bench_first_day": {
        *("members", "conversations", "messages", "registered_s", "first_conversation_s", "all_s"),
        *("state_bytes", "slowdown", "down_bytes", "up_bytes", "history_bytes", "shares"),
        *("requests_trust", "bytes_trust", "requests_leaves", "requests_me", "bytes_app"),
    },
    "tests.bench_phone": {
        *("slowdown_page", "slowdown_worker", "send_to_shown_ms_p50", "send_to_shown_ms_p50_1x"),
        *("receive_p50_ms", "cold_start_ms", "open_chat_ms", "first_load_bytes", "tab_memory_kb"),
    },
    "tests.bench_everyday": {
        *("messages", "filled_s", "cold_start_ms", "open_ms_p50", "search_ms_p95", "memory_mb"),
        *("list_long_tasks", "chat_longest_task_ms", "long_tasks", "transcode_s"),
        "slowdown_worker",
    },
    "bench.browser.steps": {
        *("people", "slowdown", "verify_people_ms", "seal_half_ms", "seal_all_ms", "share_ms"),
        *("late_seals_ms", "open_cell_key_ms", "open_key_ms", "seal_all_ms_1x"),
    },
    "guard.bench": {
        *("messages", "recall", "false_alarm_rate", "model_bytes", "unseen-9", "pictures"),
        *("p50_ms", "p99_ms", "p99_of_means_ms", "max_ms_16_kb", "slowdown"),
    },
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the force that two of them share."""
    return tmp_path_factory.mktemp("forces")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("module", FIGURES)
def test_it_prints_its_figures(module: str, cache: Path) -> None:
    cached = ["--cache", str(cache)]
    more: Mapping[str, Sequence[str]] = {
        **{"tests.bench_first_day": cached, "tests.bench_everyday": cached},
    }
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    done = forking.run(module, ["--small", *more.get(module, ())], environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert FIGURES[module] <= json.loads(done.stdout.splitlines()[-1]).keys()
