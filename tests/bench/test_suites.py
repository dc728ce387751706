"""The figures of both suites, as people read them."""

from copconnect.bench import suites


def row(suite: str, size: int, slowdown: float, scale: float) -> suites.Row:
    """Figures that say where they stand."""
    names = {name for _, ms, size_key in suites._COLUMNS for name in (ms, size_key) if name}
    names |= {"cells", "state_bytes", "join_down_bytes", "records_down_bytes"}
    figures = {name: scale * (1 if name.endswith("_ms") else 1_000) for name in names}
    return {"suite": suite, "size": size, "slowdown": slowdown} | figures


def test_every_suite_has_a_table_with_a_column_for_each_size() -> None:
    rows = [
        row(suite, size, slowdown, slowdown * size)
        for suite in suites.SUITES.values()
        for size in (64, 128)
        for slowdown in (1, 6)
    ]
    lines = suites.table(rows).splitlines()
    assert lines[0] == "| X25519 | 64 | 128 |"
    assert "| X-Wing | 64 | 128 |" in lines
    assert "| enter by external commit | 64 / 384, 64 KB | 128 / 768, 128 KB |" in lines
    assert len({line.count("|") for line in lines if line}) == 1
