"""The benchmark's last line is judged before it is passed on."""

import json

import pytest

from tests import bench_message

GOOD = dict.fromkeys(bench_message.KEYS, 2.0)


def test_good_figures_pass() -> None:
    assert bench_message.check(json.dumps(GOOD | {"note": "more is welcome"})) == GOOD


@pytest.mark.parametrize("key", sorted(bench_message.KEYS))
@pytest.mark.parametrize("value", [None, 0, -1, "fast", True])
def test_missing_or_senseless_figures_are_refused(key: str, value: object) -> None:
    with pytest.raises(ValueError, match=key):
        bench_message.check(json.dumps(GOOD | {key: value}))
    with pytest.raises(ValueError, match=key):
        bench_message.check(json.dumps({k: v for k, v in GOOD.items() if k != key}))


def test_a_median_above_the_tail_is_refused() -> None:
    with pytest.raises(ValueError, match="median"):
        bench_message.check(json.dumps(GOOD | {"p50_ms": 3.0}))
