"""An import of a large force's data bank from CSV and from XLSX, on SQLite and on PostgreSQL: read,
judged, compared and stored, as ``copconnect directory import`` does it."""

import asyncio
import gc
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.figures import Figures, say
from bench.machine.postgresql import PostgreSQL
from copconnect.app import command_line
from copconnect.commands.imports import COLLECT
from copconnect.commands.init import create_authority
from copconnect.directory.imports import exporting
from copconnect.directory.imports.importer import Importer, ImportOptions
from copconnect.principals import Operator
from copconnect.records.trust.department import Policy
from copconnect.settings import Settings
from demo import synthetic

BY = Operator("benchmark")
SEED = 1
Files = list[tuple[str, bytes]]


def measure(people: int = 100_000) -> Figures:
    """Return the seconds of imports of so many people, by database and kind of file."""
    gc.set_threshold(COLLECT)  # As the command does.
    files = [(f"{name}.csv", content) for name, content in synthetic.write(people, SEED).items()]
    figures: Figures = {"imported": people}
    for database in ("sqlite", "postgresql"):
        say(f"{database}: CSV")
        figures |= asyncio.run(_on(database, files, figures))
    figures["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return figures


async def _on(database: str, files: Files, before: Figures) -> Figures:
    """Import CSV, again, and undo it; then XLSX into an empty database."""
    figures: Figures = {}
    workbook: bytes
    with _empty(database) as settings:
        async with command_line(settings) as container:
            importer = container.importer
            figures[f"import_100k_s_{database}"] = await _timed(importer, files)
            figures[f"unchanged_s_{database}"] = await _timed(importer, files)
            started = time.monotonic()
            await importer.undo(BY, 1, most_leaving=None)
            figures[f"undo_s_{database}"] = time.monotonic() - started
            undoing = (await importer.imports())[0].number
            await importer.undo(BY, undoing, most_leaving=None)
            tables = await importer.export(BY)
            started = time.monotonic()
            workbook = exporting.workbook(tables)
            figures[f"export_xlsx_s_{database}"] = time.monotonic() - started
    say(f"{database}: XLSX")
    with _empty(database) as settings:
        async with command_line(settings) as container:
            named = [("bank.xlsx", workbook)]
            figures[f"xlsx_100k_s_{database}"] = await _timed(container.importer, named)
    return before | figures


async def _timed(importer: Importer, files: Files) -> float:
    started = time.monotonic()
    options = ImportOptions(confirmed=True, most_leaving=None)
    applied = await importer.apply(BY, files, options)
    if applied.preview.problems:
        raise RuntimeError(f"the data bank has problems: {applied.preview.problems[:3]}")
    return time.monotonic() - started


@contextmanager
def _empty(database: str) -> Iterator[Settings]:
    """Yield the settings of a new data folder and an empty database."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        url = stack.enter_context(PostgreSQL()).url() if database == "postgresql" else ""
        settings = Settings(data_dir=Path(folder), database_url=url)
        create_authority(settings, "Benchmark", Policy.NONE)
        yield settings
