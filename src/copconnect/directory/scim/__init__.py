"""SCIM 2.0 (RFC 7643, RFC 7644): the department's HRMS changes people one by one, by the same rules
as an import. Its packages are the extra ``copconnect[scim]``: most departments never use it."""

from importlib.util import find_spec

NOT_INSTALLED = (
    "scim_not_installed: the packages of SCIM are not on this server. Install "
    "requirements-scim.txt, which is copconnect[scim], and restart."
)


def installed() -> bool:
    """Return whether the packages of SCIM are there."""
    return find_spec("scim2_server") is not None
