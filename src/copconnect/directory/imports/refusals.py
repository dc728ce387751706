"""The typed refusals of imports, each with a stable code and what the operator must know."""

from typing import NamedTuple

from copconnect.budgets import MOST_LEAVING, many_leave

__all__ = ["MOST_LEAVING", "many_leave"]


class ImportRefused(Exception):
    """Nothing was imported. ``code`` is stable."""

    code = "import_refused"


class ImportRunning(ImportRefused):
    """Somebody else imports. ``by``: who; ``for_s``: how long it may still take, at most: an
    import that was cut off holds its place until then."""

    code = "import_running"

    def __init__(self, by: str, for_s: int) -> None:
        super().__init__(f"{by} imports. It may take {for_s} s more.")
        self.by = by
        self.for_s = for_s


class TooManyLeave(ImportRefused):
    """The import would sign out a large part of the force. A second admin, or on the command line
    an option, allows it. ``count`` of ``people``; ``limit``: the largest share without that."""

    code = "too_many_leave"

    def __init__(self, count: int, people: int, limit: float) -> None:
        super().__init__(
            f"{count:,} of {people:,} people would be suspended or removed: more than {limit:.0%}."
        )
        self.count = count
        self.people = people
        self.limit = limit


def check_leaving(count: int, people: int, limit: float | None) -> None:
    """Raise TooManyLeave where more leave than a share of the force; None allows any."""
    if limit is not None and many_leave(count, people, limit):
        raise TooManyLeave(count, people, limit)


class CodesTaken(ImportRefused):
    """Somebody whom the preview does not show has codes or numbers of the file. ``rows``: lines of
    the file, each with the column; ``asked``: how many rows bring a code or number that none of the
    people in the preview has."""

    code = "taken"

    def __init__(self, rows: list[tuple[int, str]], asked: int) -> None:
        super().__init__(f"Somebody elsewhere has codes or numbers of {len(rows):,} rows.")
        self.rows = rows
        self.asked = asked


class RowsRefused(ImportRefused):
    """Rows have problems, and the import is not partial. ``count``: how many problems."""

    code = "rows_refused"

    def __init__(self, count: int) -> None:
        super().__init__(f"Rows have {count:,} problems. The report beside this file names them.")
        self.count = count


class PreviewOutdated(ImportRefused):
    """The data bank changed since the preview: the import would do something else."""

    code = "preview_outdated"


class MappingUnsure(ImportRefused):
    """The columns of a file were guessed and nobody confirmed them. ``columns``: the columns
    that are only likely."""

    code = "mapping_unsure"

    def __init__(self, columns: list[str]) -> None:
        super().__init__(
            f"These columns are only likely: {', '.join(columns)}. Import once by hand."
        )
        self.columns = columns


class Changed(NamedTuple):
    """A person whom somebody changed after an import."""

    code: str
    name: str


class ChangedSince(ImportRefused):
    """Rows that the import changed were changed again, so undoing would lose that. ``people``:
    whose rows; ``organisation``: units, levels, ranks or roles were changed too."""

    code = "changed_since"

    def __init__(self, people: list[Changed], organisation: bool) -> None:
        super().__init__(f"{len(people):,} people changed since.")
        self.people = people
        self.organisation = organisation


class NotUndoable(ImportRefused):
    """There is no such import, or it was undone, or what it changed is no longer kept."""

    code = "not_undoable"
