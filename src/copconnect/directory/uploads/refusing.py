"""Refusals of imports, as errors on the wire."""

from collections.abc import Iterator
from contextlib import contextmanager

from copconnect import errors
from copconnect.directory.editing import NumberInUse
from copconnect.directory.files.limits import FileRefused
from copconnect.directory.files.mapping import MappingWrong
from copconnect.directory.imports import refusals

_NAMED = 20  # Rows that a refusal names.


def problem_of(error: Exception) -> tuple[str, str]:
    """Return the code and the value of what an import or a file is refused with."""
    match error:
        case FileRefused():
            return error.problem, error.value
        case MappingWrong():
            return "mapping_wrong", error.value
        case errors.ImportRefused():
            return str(error.details["reason"]), ""
        case _:
            return "internal", type(error).__name__


@contextmanager
def refused() -> Iterator[None]:
    """Turn what an import refuses into errors on the wire."""
    try:
        yield
    except refusals.CodesTaken as error:
        rows = ", ".join(f"{line} ({column})" for line, column in error.rows[:_NAMED])
        raise errors.ImportTaken(count=len(error.rows), rows=rows, asked=error.asked) from error
    except refusals.ImportRefused as error:
        raise errors.ImportRefused(reason=error.code) from error
    except NumberInUse as error:
        raise errors.ImportRefused(reason="number_in_use") from error
    except (FileRefused, MappingWrong) as error:
        raise errors.ImportRefused(reason=problem_of(error)[0]) from error
