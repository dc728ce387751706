"""The SCIM protocol over the data bank. Only ``operations.py`` loads it."""

from collections.abc import Mapping
from typing import Any

import structlog
from scim2_models import SCIMException, SensitiveException
from scim2_server.handler import AsyncScimHandler
from scim2_server.requests import ScimRequest
from scim2_server.responses import ScimResponse
from scim2_server.service import ScimService

from copconnect.directory.scim.officers import provider
from copconnect.directory.scim.people_storage import PeopleStorage
from copconnect.directory.scim.provisioning import Provisioner

log = structlog.get_logger()
SERVICE = ScimService(provider())


async def serve(
    provisioner: Provisioner,
    system: str,
    *,
    method: str,
    base_url: str,
    path: str,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    body: bytes,
) -> tuple[int, dict[str, str], dict[str, Any] | None]:
    """Answer a request of a system: status, headers, body."""
    handler = AsyncScimHandler(SERVICE, PeopleStorage(provisioner, system))
    request = ScimRequest(method, base_url, path, query, headers, body, system)
    try:
        # RFC 7644, 7.5.2: proxies log addresses, so a number is searched for by POST to /.search.
        if "phonenumbers" in query.get("filter", "").lower():
            raise SensitiveException
        response: ScimResponse = await handler.handle(request)
    except Exception as error:
        response = SERVICE.error_response(error)
        if not isinstance(error, SCIMException) and response.status >= 500:
            log.error("scim_failed", exc_info=error)
    return int(response.status), dict(response.headers), response.body
