"""People as SCIM users: a core User with the attributes that a data bank has, and an extension for
those of a police force. Pure.

A user's ``userName`` is the code of the data bank, which identifies a person for ever, so it cannot
change. Other attributes that a client sends are ignored, as RFC 7644 section 3.3 allows.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar

from pydantic import Field
from scim2_models import (
    URN,
    AuthenticationScheme,
    Bulk,
    CaseExact,
    ChangePassword,
    ComplexAttribute,
    ETag,
    Extension,
    Filter,
    Meta,
    Mutability,
    Patch,
    Required,
    Resource,
    ResourceType,
    ScimProvider,
    ServiceProviderConfig,
    Sort,
    Uniqueness,
)
from scim2_models.resources.resource import AnyExtension

from copconnect.directory.columns import COLUMNS
from copconnect.directory.imports.exporting import FileRow
from copconnect.directory.scim.provisioning import Provisioned

MAX_RESULTS = 1_000


class PhoneNumber(ComplexAttribute):
    """The number that the person registers with."""

    value: Annotated[str | None, Required.true] = None
    type: str | None = Field(None, examples=["mobile"])


class User(Resource[AnyExtension]):
    """A person of the data bank."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:User")

    user_name: Annotated[
        str | None, Uniqueness.server, Required.true, CaseExact.true, Mutability.immutable
    ] = None
    display_name: Annotated[str | None, Required.true] = None
    title: str | None = None
    active: bool | None = None
    phone_numbers: Annotated[list[PhoneNumber] | None, Required.true] = None
    PhoneNumbers: ClassVar[type[ComplexAttribute]] = PhoneNumber


class Officer(Extension):
    """The attributes of a police officer. ``unit``, ``rank`` and ``roles`` are codes of the data
    bank, or names that mean one; they are answered as codes. The title in other languages is the
    post's, which others may hold too: files of the data bank give it."""

    __schema__ = URN("urn:copconnect:params:scim:schemas:extension:officer:1.0:User")

    unit: Annotated[str | None, Required.true, CaseExact.true] = None
    rank: Annotated[str | None, Required.true, CaseExact.true] = None
    roles: Annotated[list[str] | None, CaseExact.true] = None
    head: bool | None = None
    name_te: str | None = None
    name_ur: str | None = None
    name_hi: str | None = None
    title_te: Annotated[str | None, Mutability.read_only] = None
    title_ur: Annotated[str | None, Mutability.read_only] = None
    title_hi: Annotated[str | None, Mutability.read_only] = None


OfficerUser = User[Officer]
TITLES = {"title_te": "post_te", "title_ur": "post_ur", "title_hi": "post_hi"}
NAMES = ("name_te", "name_ur", "name_hi")


def provider() -> ScimProvider:
    """Return the description of this service."""
    config = ServiceProviderConfig(
        documentation_uri=None,
        patch=Patch(supported=True),
        bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
        filter=Filter(supported=True, max_results=MAX_RESULTS),
        change_password=ChangePassword(supported=False),
        sort=Sort(supported=False),
        etag=ETag(supported=True),
        authentication_schemes=[
            AuthenticationScheme(
                name="Bearer token",
                description="A token that the operator makes for one system",
                type=AuthenticationScheme.Type.oauthbearertoken,
                primary=True,
            )
        ],
    )
    return ScimProvider(
        models=[User, Officer],
        resource_types=[ResourceType.from_resource(OfficerUser)],
        config=config,
    )


def user_of(person: Provisioned) -> Resource[Any]:
    """Return a person as a SCIM user."""
    row = person.row
    changed = datetime.fromtimestamp(person.changed_ms / 1000, UTC)
    officer = Officer(
        unit=row["unit"],
        rank=row["rank"],
        roles=row["roles"].split() or None,
        head=row["head"] == "yes",
    )
    for name, column in (*zip(NAMES, NAMES, strict=True), *TITLES.items()):
        setattr(officer, name, row[column] or None)
    user = OfficerUser(
        id=person.person_id,
        external_id=person.external_id or None,
        user_name=row["code"],
        display_name=row["name_en"],
        title=row["post_en"] or None,
        active=row["status"] == "active",
        phone_numbers=[PhoneNumber(value=row["number"], type="mobile")],
        meta=Meta(
            resource_type="User",
            created=changed,
            last_modified=changed,
            version=f'W/"{person.version}"',
        ),
    )
    user[Officer] = officer
    return user


def row_of(user: Any) -> FileRow:
    """Return a SCIM user as a row of people.csv. A user without ``active`` is active."""
    officer = user[Officer] or Officer()
    row = dict.fromkeys(COLUMNS["people"], "")
    row |= {
        "code": user.user_name or "",
        "name_en": user.display_name or "",
        "number": _number(user.phone_numbers or []),
        "rank": officer.rank or "",
        "post_en": user.title or "",
        "roles": " ".join(officer.roles or []),
        "unit": officer.unit or "",
        "head": "yes" if officer.head else "no",
        "status": "suspended" if user.active is False else "active",
    }
    return row | {name: getattr(officer, name) or "" for name in NAMES}


def _number(numbers: list[PhoneNumber]) -> str:
    """Return the mobile number, else the first. ``tel:`` is how RFC 3966 begins one."""
    best = next((one for one in numbers if one.type == "mobile"), numbers[0] if numbers else None)
    return (best.value or "").removeprefix("tel:") if best is not None else ""
