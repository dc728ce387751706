"""Parameters of the console's queries."""

from copconnect import errors
from copconnect.admin.reading import MAX_PAGE, PAGE
from copconnect.http.gate import HttpRequest
from copconnect.http.parameters import number

MAX_PARAMETER = 200


def query_of(request: HttpRequest) -> dict[str, str]:
    """Return the parameters that are given. Raises BadRequest."""
    asked = {name: value for name, value in request.query_params.items() if value}
    if any("\0" in value or len(value) > MAX_PARAMETER for value in asked.values()):
        raise errors.BadRequest(reason="query")
    return asked


def limit_of(asked: dict[str, str]) -> int:
    """Return how many rows a page has. Raises BadRequest."""
    given = number("limit", asked.get("limit"))
    return PAGE if given is None else max(1, min(given, MAX_PAGE))
