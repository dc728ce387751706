"""Every setting, typed, in one place.

Each field is read from the environment variable ``COPCONNECT_<NAME>`` in upper case; fields
without one keep their default. docs/operations.md documents each of them, and a test fails when
one is missing there.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from copconnect.limits import CELL_SIZE, GROUP_PEOPLE, LISTED_PEOPLE

Positive = Annotated[int, Meta(ge=1)]
NotNegative = Annotated[int, Meta(ge=0)]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of one server process. Paths are relative to the working directory."""

    data_dir: Path = Path("data")
    """Folder of the default database, blobs and keys."""
    database_url: str = ""
    """SQLAlchemy URL; empty: SQLite in ``data_dir``."""
    bus_url: str = ""
    """NATS URL; empty: in process (one node)."""
    blob_url: str = ""
    """Blob store (file:// or s3://); empty: a folder in ``data_dir``."""
    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65535)] = 8080
    department: str = "Telangana Police"
    department_policy: Literal["none", "approval"] = "approval"
    """The policy that ``copconnect init`` writes into department record 1: whether a person's first
    device needs an admin's endorsement. Afterwards the record counts, not the setting."""
    second_factor: Literal["none", "enrolment_code"] = "none"
    """The proof that registration asks for after the OTP."""
    otp_length: Annotated[int, Meta(ge=4, le=10)] = 6
    otp_lifetime_ms: Positive = 5 * 60_000
    otp_resend_ms: NotNegative = 30_000
    otp_attempts: Positive = 5
    otp_per_number_per_hour: Positive = 5
    otp_per_address_per_hour: Positive = 60
    otp_total_per_minute: Positive = 600
    """Requests of one process for numbers that have asked within the hour already."""
    otp_failures_per_hour: Positive = 5_000
    """Wrong codes within an hour, over all numbers and nodes, after which codes get a digit more;
    another one for each tenfold."""
    sms_gateway_url: str = ""
    """HTTP gateway (DLT) that OTPs are posted to. A server does not start without one."""
    sms_gateway_token: str = ""
    certificate_days: Annotated[int, Meta(ge=21)] = 90
    """Devices renew in the last third, 30 days at most. A cell's key is used for up to 7 days and
    must not outlive its signer's certificate: a third is at least as long."""
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
    """Connections that one process lets in within a second; others wait."""
    map_tiles_url: str = ""
    """Raster tile URL template of the department's own map server; empty: built-in outline."""
    trusted_proxies: NotNegative = 0
    """How many proxies in front append to X-Forwarded-For; 0: use the socket's address."""

    @property
    def effective_database_url(self) -> str:
        """The database URL with the default filled in."""
        return self.database_url or f"sqlite+aiosqlite:///{self.data_dir / 'copconnect.sqlite3'}"


def load(environment: Mapping[str, str] = os.environ, **overrides: object) -> Settings:
    """Read settings from ``COPCONNECT_*`` variables; ``overrides`` win.

    Raises msgspec.ValidationError for a value of the wrong type.
    """
    values: dict[str, object] = {
        field.name: environment[key]
        for field in msgspec.structs.fields(Settings)
        if (key := f"COPCONNECT_{field.name.upper()}") in environment
    }
    return msgspec.convert(
        values | overrides, Settings, strict=False, dec_hook=lambda kind, value: kind(value)
    )
