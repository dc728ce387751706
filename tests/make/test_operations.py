"""The generator of the client's transport spells an operation as its row and its function say."""

import pytest

from copconnect import wire
from copconnect.http.operations import FileAnswer, get, post, search
from copconnect.ids import PersonId, UnitId
from copconnect.principals import Caller
from make import operations


def person(caller: Caller, person_id: PersonId, at_ms: int | None = None) -> wire.Person:
    """Return a card as it was."""
    raise NotImplementedError


def people(caller: Caller, text: str = "", unit_id: UnitId | None = None) -> wire.People:
    """Search."""
    raise NotImplementedError


def picture(caller: Caller, person_id: PersonId, size: int) -> FileAnswer:
    """Return a picture."""
    raise NotImplementedError


def sign_out(body: wire.SignOut) -> None:
    """End a device."""
    raise NotImplementedError


ROWS = [
    get("/v1/people/{person_id}", person, "one_person"),
    search("/v1/people/searches", people),
    get("/v1/people/{person_id}/pictures/{size}", picture, wait_s=120, confirmed=False),
    post("/v1/sign-out", sign_out, public=True, once=True),
]


def test_a_method_has_the_rows_path_parameters_and_answer() -> None:
    text = operations.transport(ROWS)
    assert text.removeprefix(operations.HEADER) == (
        "  onePerson(personId: wire.PersonId, asked?: OptionalParameters<{ at: number }>): "
        "Promise<wire.Person> {\n"
        '    return this.call("GET", at`/v1/people/${personId}`, { query: asked });\n'
        "  }\n\n"
        "  people(asked?: OptionalParameters<{ text: string; unit: wire.UnitId }>): "
        "Promise<wire.People> {\n"
        '    return this.call("POST", "/v1/people/searches", { search: asked });\n'
        "  }\n\n"
        "  picture(personId: wire.PersonId, size: number): Promise<Bytes> {\n"
        '    return this.file("GET", at`/v1/people/${personId}/pictures/${size}`, '
        "{ timeoutMs: 120_000 });\n"
        "  }\n\n"
        "  signOut(body: wire.SignOut): Promise<void> {\n"
        '    return this.call("POST", "/v1/sign-out", { body, repeats: 0, public: true });\n'
        "  }\n"
        "}\n"
    )


def test_two_operations_have_no_name_in_common() -> None:
    with pytest.raises(ValueError, match="2 operations are people"):
        operations.transport([*ROWS, get("/v1/people", people)])


def test_an_id_in_a_path_has_its_type() -> None:
    def unit(unit_id: str) -> wire.Posts:
        raise NotImplementedError

    with pytest.raises(TypeError, match="give unit_id its type"):
        operations.transport([get("/v1/units/{unit_id}", unit)])


def test_the_table_keeps_meanings_and_forgets_routes_that_are_gone() -> None:
    table = "| `GET /v1/people/{person_id}?of=` | old | | *a card* |\n| `GET /v1/gone` | | | x |\n"
    before, after = "# Protocol\n\n", "\nMore.\n"
    text = before + operations.BEGIN + table + operations.END + after
    assert operations.protocol(ROWS, text) == (
        before
        + operations.BEGIN
        + operations.HEAD
        + "| `GET /v1/people/{person_id}?at=` | → Person | | *a card* |\n"
        "| `POST /v1/people/searches` | Search → People | | |\n"
        "| `GET /v1/people/{person_id}/pictures/{size}` | → bytes | any device | |\n"
        "| `POST /v1/sign-out` | SignOut → 204 | anybody | |\n" + operations.END + after
    )
