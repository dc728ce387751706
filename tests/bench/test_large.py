"""The benchmark of a large conversation: what it creates is accepted by the real service."""

from pathlib import Path

from copconnect.bench import force, large

MEMBERS = 30


def test_every_figure_comes_out(tmp_path: Path) -> None:
    made = force.cached(tmp_path / "cache", MEMBERS)
    figures = large.measure(made, tmp_path, 2, cell_size=8)
    assert figures["members"] == len(made.devices)
    assert all(figure > 0 for figure in figures.values()), figures
    assert {"create_s", "edit_ms", "cell_roster_ms", "post_ms", "log_page_ms"} <= figures.keys()
