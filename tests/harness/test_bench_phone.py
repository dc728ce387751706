"""The benchmark's last line is judged before it is passed on."""

import json

import pytest

from tests import bench_phone

ALL = [f"{name}{end}" for name in bench_phone.TIMES for end in ("", "_1x", "_ratio")]
ALL += [*bench_phone.ONCE, "slowdown", "slowdown_page", "slowdown_worker", "messages"]
GOOD = dict.fromkeys(ALL, 2.0)


def test_good_figures_pass() -> None:
    assert bench_phone.check(json.dumps(GOOD | {"note": "more is welcome"})) == GOOD


@pytest.mark.parametrize("value", [None, 0, -1, "fast", True])
def test_missing_or_senseless_figures_are_refused(value: object) -> None:
    for key in ("cold_start_ms", "receive_p99_ms_ratio", "first_load_bytes", "slowdown_worker"):
        with pytest.raises(ValueError, match=key):
            bench_phone.check(json.dumps(GOOD | {key: value}))
        with pytest.raises(ValueError, match=key):
            bench_phone.check(json.dumps({k: v for k, v in GOOD.items() if k != key}))


def test_a_quantile_is_one_of_the_values() -> None:
    values = [float(value) for value in range(1, 101)]
    assert bench_phone.quantile(values, 0.99) == 100
    assert bench_phone.quantile(values[:1], 0.99) == 1
