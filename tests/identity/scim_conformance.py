"""The conformance test of SCIM (scim2-tester), over a connection of a test's own."""

from typing import Any

import httpx
from scim2_client import BaseSyncSCIMClient
from scim2_models import ScimProvider
from scim2_tester import Status, check_server

from copconnect.directory.scim import officers
from tests.harness import databank


class OverHttp(BaseSyncSCIMClient):
    """The client of the conformance test, over a connection of this test."""

    def __init__(self, http: httpx.Client, **options: Any) -> None:
        super().__init__(**options)
        self._http = http

    def request(self, method: str, url: str, **options: Any) -> httpx.Response:
        return self._http.request(method, url, **options)

    def _parse_json(self, response: Any) -> Any:
        return response.json()

    def _stays_under_base_url(self, endpoint: str) -> bool:
        return endpoint.startswith("/") or endpoint.startswith(str(self._http.base_url))


def examples(unit: str) -> ScimProvider:
    """Return the service's description with values that this data bank knows, for the conformance
    test to fill attributes with."""
    numbers = [f"+9170000{number:05d}" for number in range(91_000, 99_000)]
    officers.PhoneNumber.model_fields["value"].examples = numbers
    fields = officers.Officer.model_fields
    fields["unit"].examples = [unit, databank.officers()[0].unit]
    fields["rank"].examples = ["PC", "SI"]
    fields["roles"].examples = ["sho"]
    return officers.provider()


# Yes and no have a value that is meant where a client says nothing, and an officer without unit and
# rank cannot be. The test would have them removed.
_OFFICER = officers.Officer.__schema__
KEPT = ("'active'", f"'{_OFFICER}'", f"'{_OFFICER}:head'")


def checked(hrms: httpx.Client, unit: str) -> tuple[list[str], int]:
    """Run the conformance test; return what is wrong, and how many of its checks succeeded."""
    results = check_server(OverHttp(hrms, provider=examples(unit)))
    bad = [
        f"{one.title}: {one.reason}"
        for one in results
        if one.status in (Status.ERROR, Status.CRITICAL)
        and not (one.title == "check_remove_attribute" and any(k in str(one.reason) for k in KEPT))
    ]
    return bad, sum(one.status == Status.SUCCESS for one in results)
