"""Every setting, typed, in one place.

Each field is read from the environment variable ``COPCONNECT_<NAME>`` in upper case; fields
without one keep their default. docs/operations.md documents each of them, and a test fails when
one is missing there. :func:`load` refuses a wrong value and a variable that is no setting in words:
which variable, and which values it takes.
"""

import difflib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec
from msgspec import Meta

from copconnect.limits import CELL_SIZE, GROUP_PEOPLE, LISTED_PEOPLE

Positive = Annotated[int, Meta(ge=1)]
NotNegative = Annotated[int, Meta(ge=0)]
PREFIX = "COPCONNECT_"
SIMILAR = 0.85  # 1 for equal names.

# A description says in words what a pattern takes.
DatabaseUrl = Annotated[
    str,
    Meta(
        pattern=r"^(sqlite\+aiosqlite:///|postgresql\+asyncpg://.+|$)",
        description="postgresql+asyncpg://user:password@host/name or sqlite+aiosqlite:///file",
    ),
]
BusUrl = Annotated[
    str,
    Meta(
        pattern=r"^((nats|tls)://[^,]+(,(nats|tls)://[^,]+)*)?$",
        description="nats://host:4222 or tls://host:4222, several separated by commas",
    ),
]
BlobUrl = Annotated[
    str, Meta(pattern=r"^((file|s3)://.+)?$", description="file:///folder or s3://bucket/prefix")
]
WebUrl = Annotated[
    str,
    Meta(pattern=r"^(https?://[^/\s]+\S*)?$", description="an address that begins with https://"),
]
PushOrigins = Annotated[
    str,
    Meta(
        pattern=r"^(https://(\*\.)?[a-z0-9.\-]+(:\d{1,5})?(,https://(\*\.)?[a-z0-9.\-]+(:\d{1,5})?)*)?$",
        description="origins such as https://push.example, separated by commas",
    ),
]
WebOrigins = Annotated[
    str,
    Meta(
        pattern=r"^(https?://[a-z0-9.\-]+(:\d{1,5})?(,https?://[a-z0-9.\-]+(:\d{1,5})?)*)?$",
        description="origins such as https://cop.example, separated by commas",
    ),
]
HostName = Annotated[
    str, Meta(pattern=r"^[a-z0-9.\-]{0,253}$", description="a host name such as cop.example")
]
PushContact = Annotated[
    str,
    Meta(
        pattern=r"^((mailto:[^@\s]+@[^@\s]+)|(https://\S+))?$",
        description="mailto:name@example or an address that begins with https://",
    ),
]
ProxyUrl = Annotated[str, Meta(pattern=r"^(http://[^/\s]+/?)?$", description="http://host:3128")]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of one server process. Paths are relative to the working directory."""

    data_dir: Path = Path("data")
    """Folder of the default database, blobs and keys."""
    database_url: DatabaseUrl = ""
    """SQLAlchemy URL; empty: SQLite in ``data_dir``."""
    bus_url: BusUrl = ""
    """NATS URL; empty: in process (one node)."""
    blob_url: BlobUrl = ""
    """Blob store (file:// or s3://); empty: a folder in ``data_dir``."""
    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65535)] = 8080
    public_url: WebUrl = ""
    """The address that officers open, which certificates name; empty: this machine's own."""
    guard_weights: str = ""
    """File of weights of the guard that the department trained; empty: the shipped ones."""
    guard_policy: str = ""
    """File of the guard's policy; empty: the one that is shipped."""
    training_folder: str = ""
    """The department's own folder of lessons, which replace those of the program; empty: none."""
    training_before_large: Literal["yes", "no"] = "yes"
    """Whether somebody writes in large groups only after the officer course."""
    training_remind_days: NotNegative = 7
    """Days after which the app reminds somebody who has not done a course of theirs; 0: never."""
    conversation_exports: Literal["members", "admins", "nobody"] = "members"
    """The people of a conversation who may export its messages: all who may write there, or its
    admins."""
    second_factor: Literal["none", "enrolment_code"] = "none"
    """The proof that registration asks for after the OTP."""
    otp_length: Annotated[int, Meta(ge=4, le=10)] = 6
    otp_lifetime_ms: Positive = 5 * 60_000
    otp_resend_ms: NotNegative = 30_000
    otp_attempts: Positive = 5
    otp_per_number_and_address_per_day: Positive = 5
    """Codes for one number that one address may ask for."""
    otp_per_number_per_day: Positive = 50
    """Codes for one number after which addresses that have asked for it already get no more; an
    address's first request for a number passes."""
    otp_numbers_per_address_per_hour: Positive = 600
    """Numbers for which one address may ask for a first code, on each process."""
    otp_total_per_minute: Positive = 600
    """Repeated requests that one process takes: a number asked for from the same address within
    the day."""
    otp_tries_per_number_per_day: Positive = 50
    """Tries at the codes of one number after which its codes get a digit more; another one for each
    tenfold."""
    otp_failures_per_hour: Positive = 5_000
    """Wrong codes within an hour, over all numbers and nodes, after which codes get a digit more;
    another one for each tenfold."""
    sms_gateway_url: WebUrl = ""
    """HTTP gateway (DLT) that OTPs are posted to. A server does not start without one."""
    sms_gateway_token: str = ""
    sms_gateway_check_url: WebUrl = ""
    """Answers a GET with 2xx while the gateway takes texts; empty: any answer at the gateway's own
    address counts, but for those of a proxy that cannot reach it."""
    sms_order_minutes: Annotated[int, Meta(ge=0, le=1_440)] = 0
    """Minutes after a flash order after which people who have neither received nor acknowledged it
    get a text by SMS; 0: none does."""
    sms_order_text: str = ""
    """That text, letter by letter as registered (DLT), with its typed variables."""
    sms_order_variables: str = ""
    """The values of its variables, in their order, separated by commas: minutes, reference."""
    sms_order_template_id: str = ""
    sms_entity_id: str = ""
    sms_sender: str = ""
    """The registered header that texts about orders come from."""
    sms_order_per_minute: Positive = 600
    """Texts about orders that go out within a minute, from all nodes together."""
    certificate_days: Annotated[int, Meta(ge=21)] = 90
    """Devices renew in the last third, 30 days at most. A cell's key is used for up to 7 days and
    must not outlive its signer's certificate: a third is at least as long."""
    token_hours: Annotated[int, Meta(ge=1, le=720)] = 24
    """An access token ends so long after its device asked for it; its device key gets the next."""
    requests_per_person_per_minute: Annotated[int, Meta(ge=60)] = 600
    """Requests that one process answers one person; half as many at once after a pause."""
    directory_names_per_person_per_hour: Positive = 2_000
    """People that somebody without an admin's right may read in the directory, by one process."""
    trust_people_per_person_per_hour: Positive = 4_000
    """People whose signed records one person's devices may fetch, by one process: enough for the
    senders of several state-wide conversations on a first day."""
    conversations_per_person_per_hour: Positive = 100
    """That one person may create; over all nodes."""
    member_changes_per_person_per_hour: Positive = 100
    """Changes of members that one person may make; over all nodes."""
    messages_per_person_per_minute: Positive = 60
    """That one process takes from one person; twice as many at once after a pause."""
    message_bytes_per_person_per_minute: Positive = 8 * 1024**2
    """Bytes of messages that one process takes from one person."""
    share_requests_per_person_per_minute: Positive = 60
    """Requests for key shares that one process takes from one person."""
    group_people: Annotated[int, Meta(ge=2, le=LISTED_PEOPLE)] = GROUP_PEOPLE
    """People in a group made by a person without a grant."""
    attachment_quota_bytes_per_day: NotNegative = 20 * 1024**3
    """Ciphertext bytes that one person may upload in a day."""
    log_retention_days: Annotated[int, Meta(ge=30, le=180)] = 180
    """Devices rely on both ends: a month of history is there, and keys older than the longest log
    are destroyed (K1)."""
    erase_removed_after_days: Positive = 180
    """When names and numbers of people who left the data bank are erased."""
    cell_size: Annotated[int, Meta(ge=2, le=CELL_SIZE)] = CELL_SIZE
    """Devices in one cell at most. Less is for trials of many cells."""
    kem: Literal["x25519", "x-wing"] = "x-wing"
    """HPKE KEM of new conversations, and the lowest that ``copconnect init`` writes into department
    record 1. If it is the higher one, it also raises that of others with their next roster head."""
    roster_batch_ms: NotNegative = 60_000
    """How long changes that take nobody out are gathered for one roster head in conversations of
    more than 256 devices."""
    socket_buffer_bytes: Positive = 4 * 1024 * 1024
    """Unsent bytes for one socket before it is closed as too slow."""
    socket_hello_ms: Positive = 5_000
    """How long a connection may take to say Hello."""
    sockets_before_hello: Positive = 10_000
    """Connections of one process that have not said Hello, or were turned away; beyond, 1013."""
    sockets_before_hello_per_address: Positive = 2_000
    hellos_per_s: Positive = 5_000
    """Connections that one process admits within a second; others wait."""
    import_folder: str = ""
    """A folder whose files this server imports into the data bank; empty: none."""
    import_remove_missing: Literal["no", "yes"] = "no"
    """Whether people who are not in such a file leave; never more than 5% of the force."""
    link_previews: Literal["no", "yes"] = "no"
    """Whether this server fetches the pages of links that officers write, for previews: it then
    sees which links they write."""
    proxy_url: ProxyUrl = ""
    """HTTP proxy through which pushes and previews of links go; empty: straight there."""
    push_origins: PushOrigins = (
        "https://fcm.googleapis.com,https://jmt17.google.com,"
        "https://updates.push.services.mozilla.com,https://*.push.apple.com,"
        "https://*.notify.windows.com"
    )
    """Origins of push services that devices may subscribe at, separated by commas; empty: none, and
    no pushes. ``*.`` means any host below."""
    push_contact: PushContact = ""
    """The address at which push services find the operator (the claim ``sub`` of VAPID). Apple
    takes no pushes without one."""
    push_ca_file: str = ""
    """Certificates (PEM) for a push service that no public CA vouches for."""
    push_private_addresses: Literal["no", "yes"] = "no"
    """Whether push services may have private addresses: for one of the department's own."""
    push_delay_ms: NotNegative = 3_000
    """How long devices may take to receive a message over their connection before a push."""
    push_connections: Annotated[int, Meta(ge=1, le=1_000)] = 64
    """Connections to one push service at most."""
    map_tiles_url: WebUrl = ""
    """Raster tile URL template of the department's own map server; empty: built-in outline."""
    authenticator_host: HostName = ""
    """The host name for which authenticators of admins are made (WebAuthn's RP id), the same for
    ever; empty: none are, and acts of weight ask for the PIN."""
    authenticator_origins: WebOrigins = ""
    """Origins of web pages that may ask them, separated by commas."""
    trusted_proxies: NotNegative = 0
    """How many proxies in front append to X-Forwarded-For; 0: use the socket's address."""

    @property
    def effective_public_url(self) -> str:
        """The address that officers open, without a slash at its end."""
        return (self.public_url or f"http://localhost:{self.port}").rstrip("/")

    @property
    def effective_database_url(self) -> str:
        """The database URL with the default filled in."""
        return self.database_url or f"sqlite+aiosqlite:///{self.data_dir / 'copconnect.sqlite3'}"


class WrongSettings(Exception):
    """Settings that are wrong: one sentence for each in ``args``. No sentence has a secret."""


def load(environment: Mapping[str, str] = os.environ, **overrides: object) -> Settings:
    """Read settings from ``COPCONNECT_*`` variables; ``overrides`` win.

    Raises WrongSettings for values that a setting does not take and for ``COPCONNECT_*`` variables
    that are probably a setting's name with a typing error.
    """
    kinds = {field.name: field.type for field in msgspec.structs.fields(Settings)}
    given: dict[str, object] = {
        name: environment[variable(name)] for name in kinds if variable(name) in environment
    }
    given |= overrides
    values: dict[str, Any] = {}
    wrong: list[str] = []
    for name, value in given.items():
        try:
            values[name] = msgspec.convert(
                value, kinds[name], strict=False, dec_hook=lambda kind, text: kind(text)
            )
        except msgspec.ValidationError:
            # URLs and tokens may hold a password.
            shown = "" if name.endswith(("url", "token")) else f' "{value}"'
            wrong.append(
                f"{variable(name)} takes {choices(kinds[name])}. The value{shown} is wrong."
            )
    for name, meant in unknown(environment):
        if meant is not None:
            wrong.append(f"{name} is not a setting. Is {meant} meant?")
    if wrong:
        raise WrongSettings(*wrong)
    return Settings(**values)


def variable(name: str) -> str:
    """Return the environment variable of a field."""
    return f"{PREFIX}{name.upper()}"


def choices(kind: Any) -> str:
    """Return in words which values a field takes."""
    if get_origin(kind) is Literal:
        return " or ".join(get_args(kind))
    meta = next((one for one in get_args(kind) if isinstance(one, Meta)), Meta())
    if meta.description is not None:
        return meta.description
    match meta.ge, meta.le:
        case None, None:
            return "text"
        case least, None:
            return f"a whole number, {least} or more"
        case least, most:
            return f"a whole number from {least} to {most}"


def unknown(environment: Mapping[str, str]) -> Iterator[tuple[str, str | None]]:
    """Yield each ``COPCONNECT_*`` variable that is no setting, with the setting that resembles it:
    None where none does."""
    known = [field.name.upper() for field in msgspec.structs.fields(Settings)]
    for name in sorted(environment):
        bare = name.removeprefix(PREFIX)
        if bare != name and bare not in known:
            near = difflib.get_close_matches(bare, known, 1, SIMILAR)
            yield name, f"{PREFIX}{near[0]}" if near else None
