"""A server says where it serves, for whom, under which policy and by which services."""

import sys

import structlog
from sqlalchemy import make_url

from copconnect import __version__
from copconnect.app import Container
from copconnect.auth_service.registration.gateway import place
from copconnect.records.trust.department import Policy
from copconnect.settings import Settings

log = structlog.get_logger()


def announce(container: Container, workers: int) -> None:
    """Say it as a line of the log, and in words on standard error."""
    settings = container.settings
    policy = container.authority.departments[-1].policy
    facts = {
        "version": __version__,
        "department": container.authority.department,
        "url": url_of(settings),
        "workers": workers,
        "policy": policy.name.lower(),
        "second_factor": settings.second_factor,
        "sms_gateway": container.auth.sms.gateway.name,
        "database": database_of(settings),
        "bus": buses_of(settings) or "none: one node",
        "blobs": settings.blob_url or str(settings.data_dir / "blobs"),
    }
    log.info("serving", **facts)
    confirms = (
        "an admin confirms each person's first device"
        if policy == Policy.APPROVAL
        else "NOBODY confirms a person's first device; that is for trials"
    )
    many = "1 process" if workers == 1 else f"{workers} processes"
    print(
        f"Serving {facts['department']} on {facts['url']} with {many}.\n"
        f"Policy {facts['policy']}: {confirms}. Codes go out by {facts['sms_gateway']}; second "
        f"factor: {settings.second_factor}.\n"
        f"Database: {facts['database']}. Bus: {facts['bus']}. Blobs: {facts['blobs']}.",
        file=sys.stderr,
        flush=True,
    )


def url_of(settings: Settings) -> str:
    """Return the address of this server on this machine."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.port}"


def database_of(settings: Settings) -> str:
    """Return the database's URL without its password."""
    return make_url(settings.effective_database_url).render_as_string(hide_password=True)


def buses_of(settings: Settings) -> str:
    """Return the addresses of the bus without passwords."""
    return ", ".join(place(one) for one in settings.bus_url.split(",") if one)
