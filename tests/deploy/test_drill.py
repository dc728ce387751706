"""The drill of backups and upgrades (`make drill-backup`), with few attachments."""

from pathlib import Path

import pytest

from tests.deploy import drill

GOOD = {"attachments": 3, "equal": 3} | dict.fromkeys(drill.KEYS[2:], True)


@pytest.mark.timeout(600)
async def test_the_drill_loses_nothing(tmp_path: Path) -> None:
    figures = await drill.Drill(tmp_path, 40).run()
    assert set(drill.KEYS) <= figures.keys()
    assert figures["attachments"] == 40
    assert drill.whole(figures), figures


@pytest.mark.parametrize("key", drill.KEYS)
def test_the_drill_fails_where_something_is_lost(key: str) -> None:
    assert drill.whole(GOOD)
    assert not drill.whole(GOOD | {key: 2 if key in {"attachments", "equal"} else False})
