"""SCIM 2.0: the department's HRMS changes people one by one, by the rules of an import."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from copconnect.directory.rules import person_id
from tests.harness import databank
from tests.harness.officer import Device, Refused
from tests.harness.server import ServerProcess, run_copconnect
from tests.harness.waiting import until

CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
OFFICER = "urn:copconnect:params:scim:schemas:extension:officer:1.0:User"
UNIT = databank.officers()[5].unit


@pytest.fixture(scope="module")
def server(serve: Callable[..., ServerProcess]) -> ServerProcess:
    return serve(otp_resend_ms=0)


@pytest.fixture(scope="module")
def hrms(server: ServerProcess) -> Iterator[httpx.Client]:
    token = run_copconnect(server.data, "directory", "scim-token", "HRMS").strip()
    headers = {"authorization": f"Bearer {token}", "content-type": "application/scim+json"}
    with httpx.Client(base_url=f"{server.url}/scim/v2", headers=headers, timeout=60) as client:
        yield client


def user(code: str, number: str, **more: Any) -> dict[str, Any]:
    officer = {"unit": UNIT, "rank": "Police Constable", "roles": []} | more.pop("officer", {})
    return {
        "schemas": [CORE, OFFICER],
        "userName": code,
        "displayName": "Anita Rao",
        "title": "Patrol",
        "phoneNumbers": [{"value": number, "type": "mobile"}],
        OFFICER: officer,
    } | more


def test_only_a_systems_token_opens_it(server: ServerProcess) -> None:
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Basic eDp5"}):
        answer = httpx.get(f"{server.url}/scim/v2/Users", headers=headers, timeout=60)
        assert answer.status_code == 401
        assert answer.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
        assert answer.headers["www-authenticate"].startswith("Bearer")
    token = run_copconnect(server.data, "directory", "scim-token", "Other").strip()
    own = {"authorization": f"Bearer {token}"}
    one = f"{server.url}/scim/v2/Users?count=1"
    assert httpx.get(one, headers=own, timeout=60).status_code == 200
    run_copconnect(server.data, "directory", "scim-token", "Other", "--remove")
    assert httpx.get(one, headers=own, timeout=60).status_code == 401


def test_a_person_is_added_found_moved_and_removed(
    server: ServerProcess, hrms: httpx.Client
) -> None:
    added = hrms.post(
        "/Users", json=user("SCIM-1", "7000090001", officer={"nameTe": "అనిత"}, externalId="hrms-77")
    )
    assert added.status_code == 201, added.text
    body = added.json()
    assert body["id"] == person_id("SCIM-1")
    assert body[OFFICER]["rank"] == "PC"  # A name came in as its code.
    assert body["phoneNumbers"][0]["value"] == "+917000090001"
    place = f"/Users/{body['id']}"
    for wanted in ('userName eq "SCIM-1"', 'externalId eq "hrms-77"'):
        found = hrms.get("/Users", params={"filter": wanted}).json()
        assert [one["id"] for one in found["Resources"]] == [body["id"]]
    number = 'phoneNumbers.value eq "+91 70000 90001"'
    schema = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
    by_number = {"schemas": [schema], "filter": number}
    # Proxies log addresses: a number is in none.
    refused = hrms.get("/Users", params={"filter": number.upper().replace("EQ", "eq")})
    assert (refused.status_code, refused.json()["scimType"]) == (400, "sensitive")
    found = hrms.post("/Users/.search", json=by_number).json()
    assert [one["id"] for one in found["Resources"]] == [body["id"]]
    assert hrms.get("/Users", params={"filter": 'userName eq "X"'}).json()["totalResults"] == 0
    assert hrms.get("/Users", params={"filter": 'title co "a"'}).status_code == 400
    moved = {"op": "replace", "path": f"{OFFICER}:unit", "value": databank.officers()[0].unit}
    patch = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [moved]}
    stale = hrms.patch(place, json=patch, headers={"if-match": 'W/"0"'})
    assert stale.status_code == 412
    changed = hrms.patch(place, json=patch, headers={"if-match": body["meta"]["version"]})
    assert changed.status_code in (200, 204), changed.text
    assert hrms.get(place).json()[OFFICER]["unit"] == databank.officers()[0].unit
    assert hrms.get(place).json()[OFFICER]["nameTe"] == "అనిత"
    assert hrms.delete(place).status_code == 204
    assert hrms.get(place).status_code == 404
    log = run_copconnect(server.data, "audit", "list")
    assert "person_provisioned" in log
    assert "scim HRMS" in log


def test_the_judge_of_imports_judges_and_says_all_that_is_wrong(hrms: httpx.Client) -> None:
    wrong = user("SCIM 2:x", "12", officer={"unit": "Nowhere", "rank": "Wizard"})
    answer = hrms.post("/Users", json=wrong)
    assert answer.status_code == 400
    detail = answer.json()["detail"]
    for words in ("no rank Wizard", "no unit Nowhere", "12 is not a phone number", "code"):
        assert words in detail
    formula = hrms.post("/Users", json=user("SCIM-3", "7000090003", displayName="=1+1"))
    assert formula.status_code == 400
    somebody = databank.officers()[3]
    taken = hrms.post("/Users", json=user("SCIM-4", somebody.number))
    assert (taken.status_code, taken.json()["scimType"]) == (409, "uniqueness")
    again = hrms.post("/Users", json=user(somebody.code, "7000090009"))
    assert again.status_code == 409
    assert hrms.post("/Users", content=b"{").status_code == 400
    assert hrms.post("/Users", content=b"x" * (2 << 20)).status_code == 413


def test_a_person_who_is_deactivated_is_signed_out(
    server: ServerProcess, hrms: httpx.Client
) -> None:
    officer = databank.officers()[9]
    with Device(server, officer) as device:
        device.register()
        place = f"/Users/{person_id(officer.code)}"
        off = {
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "replace", "path": "active", "value": False}],
        }
        assert hrms.patch(place, json=off).status_code in (200, 204)
        assert hrms.get(place).json()["active"] is False

        def refused() -> bool:
            try:
                device.me()
            except Refused as error:
                return "signed_out" in str(error)
            return False

        until(refused, "the suspended officer's sign-out")


def test_a_system_signs_out_no_more_than_a_part_of_the_force_in_a_day(
    make_server: Callable[..., ServerProcess],
) -> None:
    server = make_server()
    token = run_copconnect(server.data, "directory", "scim-token", "HRMS").strip()
    headers = {"authorization": f"Bearer {token}"}
    with httpx.Client(base_url=f"{server.url}/scim/v2", headers=headers, timeout=60) as hrms:
        people = databank.officers()
        statuses = [
            hrms.delete(f"/Users/{person_id(officer.code)}").status_code
            for officer in people[20 : 20 + len(people) // 10]
        ]
    assert statuses[: len(people) // 25] == [204] * (len(people) // 25)
    assert statuses[-1] == 403


def test_the_conformance_test_of_scim(hrms: httpx.Client) -> None:
    # To import the conformance test takes two seconds, and every worker reads this file.
    from tests.identity.scim_conformance import checked

    bad, succeeded = checked(hrms, UNIT)
    assert bad == [], "\n".join(bad)
    assert succeeded > 40
