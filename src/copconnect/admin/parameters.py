"""Parameters of the console's queries."""

from collections.abc import Mapping

from copconnect import errors, wire
from copconnect.admin.reading import MAX_PAGE, PAGE
from copconnect.http.gate import HttpRequest, read
from copconnect.http.parameters import number

MAX_PARAMETER = 200


def query_of(request: HttpRequest) -> dict[str, str]:
    """Return the parameters that are given. Raises BadRequest."""
    return _given(request.query_params)


async def search_of(request: HttpRequest) -> dict[str, str]:
    """Return the parameters of a search, which are in the body. Raises BadRequest, TooLarge."""
    return _given((await read(request, wire.Search)).asked)


def _given(values: Mapping[str, str]) -> dict[str, str]:
    asked = {name: value for name, value in values.items() if value}
    if any("\0" in value or len(value) > MAX_PARAMETER for value in asked.values()):
        raise errors.BadRequest(reason="query")
    return asked


def limit_of(asked: dict[str, str]) -> int:
    """Return how many rows a page has. Raises BadRequest."""
    given = number("limit", asked.get("limit"))
    return PAGE if given is None else max(1, min(given, MAX_PAGE))
