"""The storage that the SCIM protocol reads and writes: people of the data bank."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from scim2_models import (
    ForbiddenException,
    InvalidFilterException,
    InvalidValueException,
    NotFoundException,
    PreconditionFailedException,
    Resource,
    ResourceType,
    ResponseParameters,
    SearchRequest,
    UniquenessException,
)
from scim2_server.storage import AsyncScimStorage, SearchPage

from copconnect import errors, phone_number
from copconnect.directory.editing import NumberInUse
from copconnect.directory.imports import previews, refusals
from copconnect.directory.scim import officers
from copconnect.directory.scim.equality import Equality, equality_of
from copconnect.directory.scim.officers import MAX_RESULTS
from copconnect.directory.scim.provisioning import (
    PersonChanged,
    PersonExists,
    PersonRefused,
    PersonUnknown,
    Provisioner,
)

# The attributes by which clients find a person, and the columns that have them.
FOUND_BY = {
    "id": "person_id",
    "username": "code",
    "externalid": "external_id",
    "phonenumbers.value": "number",
    "phonenumbers": "number",
}


class PeopleStorage(AsyncScimStorage):
    """People as one system sees and changes them."""

    def __init__(self, provisioner: Provisioner, system: str) -> None:
        self._provisioner = provisioner
        self._system = system

    async def get(
        self,
        resource_type: ResourceType,
        resource_id: str,
        *,
        response_parameters: ResponseParameters[Any] | None = None,
    ) -> Resource[Any]:
        """Return a person."""
        with _translated():
            return officers.user_of(await self._provisioner.person(resource_id))

    async def search(
        self,
        resource_types: list[ResourceType],
        search_request: SearchRequest[Any],
        *,
        position: Any = None,
    ) -> SearchPage:
        """Return a page of people, by code. A filter names one attribute that is equal."""
        if not resource_types:
            return SearchPage(0, [])
        where: dict[str, str] = {}
        if search_request.filter is not None:
            wanted = equality_of(str(search_request.filter))
            column = FOUND_BY.get(wanted.attribute) if wanted is not None else None
            if wanted is None or column is None:
                raise InvalidFilterException(
                    detail="only userName, externalId, id or phoneNumbers.value eq a value"
                )
            where[column] = _stored_form(column, wanted)
        count = MAX_RESULTS if search_request.count is None else search_request.count
        start = max(1, search_request.start_index or 1)
        total, people = await self._provisioner.page(where, start, min(count, MAX_RESULTS))
        return SearchPage(total, [officers.user_of(person) for person in people])

    async def create(self, resource_type: ResourceType, resource: Resource[Any]) -> Resource[Any]:
        """Add a person."""
        with _translated():
            added = await self._provisioner.add(
                self._system, officers.row_of(resource), resource.external_id or ""
            )
        return officers.user_of(added)

    async def update(
        self,
        resource_type: ResourceType,
        resource: Resource[Any],
        *,
        expected_version: str | None = None,
    ) -> Resource[Any]:
        """Change a person."""
        row = officers.row_of(resource)
        version = _bare(expected_version)
        with _translated():
            changed = await self._provisioner.change(
                self._system, resource.id or "", row, resource.external_id or "", version
            )
        return officers.user_of(changed)

    async def delete(
        self,
        resource_type: ResourceType,
        resource_id: str,
        *,
        expected_version: str | None = None,
    ) -> None:
        """Remove a person."""
        with _translated():
            await self._provisioner.remove(self._system, resource_id, _bare(expected_version))


def _bare(version: str | None) -> str | None:
    return version.removeprefix('W/"').removesuffix('"') if version is not None else None


def _stored_form(column: str, wanted: Equality) -> str:
    if column != "number":
        return wanted.value
    try:
        return phone_number.normalise(wanted.value.removeprefix("tel:"))
    except errors.NumberInvalid:
        return ""  # Nobody has it.


@contextmanager
def _translated() -> Iterator[None]:
    """Turn refusals into those of the protocol."""
    try:
        yield
    except PersonUnknown as error:
        raise NotFoundException from error
    except PersonExists as error:
        raise UniquenessException(detail="a person with this userName exists") from error
    except NumberInUse as error:
        raise UniquenessException(detail="somebody else has this phone number") from error
    except PersonChanged as error:
        raise PreconditionFailedException from error
    except PersonRefused as error:
        words = [previews.in_words(problem) for problem in error.problems]
        detail = " ".join(f"{one.wrong} {one.remedy}" for one in words)
        raise InvalidValueException(detail=detail) from error
    except refusals.TooManyLeave as error:
        raise ForbiddenException(detail=f"{error} Import them instead.") from error
