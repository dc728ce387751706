"""Web Push: whether this machine reaches the push services that devices may subscribe at."""

import asyncio

from copconnect.doctor.findings import Finding, ok, warning
from copconnect.push.http_pool import PushFailed, pools
from copconnect.push.rules import allowed_origins, endpoint_of
from copconnect.settings import Settings

LIMIT_S = 5.0


async def pushes(settings: Settings) -> list[Finding]:
    """Can messages wake sleeping phones? Origins with ``*.`` name no one host to try."""
    origins = allowed_origins(settings.push_origins)
    if not origins:
        words = "No push service is allowed: messages wake no sleeping phone."
        return [warning("push", words, "Remove COPCONNECT_PUSH_ORIGINS, or name the origins.")]
    try:
        opened = pools(
            settings.proxy_url,
            settings.push_ca_file,
            settings.push_private_addresses == "yes",
        )
    except OSError as error:
        words = f"The certificates of the push service cannot be read: {error.strerror}."
        return [warning("push", words, "See COPCONNECT_PUSH_CA_FILE.")]

    async def reached(origin: str) -> bool:
        try:
            await opened(endpoint_of(origin, [origin])).reach(LIMIT_S)
        except PushFailed:
            return False
        return True

    tried = [one for one in origins if "*" not in one]
    answers = await asyncio.gather(*(reached(one) for one in tried))
    away = [one for one, there in zip(tried, answers, strict=True) if not there]
    if away:
        words = f"This machine does not reach these push services: {', '.join(away)}."
        remedy = (
            "Let the firewall pass port 443 to them, or set COPCONNECT_PROXY_URL. Phones of "
            "their browsers are woken by no message until then."
        )
        return [warning("push", words, remedy)]
    if not settings.push_contact:
        words = "Pushes carry no address to write to; Apple's service refuses such pushes."
        return [warning("push", words, "Set COPCONNECT_PUSH_CONTACT=mailto:….")]
    return [ok("push", "The push services can be reached; pushes carry an address to write to.")]
