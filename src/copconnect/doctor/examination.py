"""All checks, one after the other; a check that another one's failure makes useless is left out."""

from collections.abc import AsyncIterator, Mapping

from copconnect import settings as all_settings
from copconnect.auth_service.keys.authority import CertificateAuthority
from copconnect.auth_service.service import NoGateway, choose_gateway
from copconnect.clock import Clock
from copconnect.doctor import clock as clocks
from copconnect.doctor import files, order_texts, pushes, services, serving
from copconnect.doctor.attachments import attachments
from copconnect.doctor.findings import Finding, failure, ok, warning
from copconnect.records.trust.department import Policy
from copconnect.settings import Settings


async def examine(
    settings: Settings, environment: Mapping[str, str], clock: Clock, url: str | None
) -> AsyncIterator[Finding]:
    """Yield what each check finds; ``url``: the address that officers open, None: not known."""
    yield _variables(environment)
    account = files.account(settings.data_dir)
    yield account
    yield clocks.synchronised(clocks.kernel_status())
    yield files.web_app()
    yield serving.listening(settings)
    yield serving.public_address(settings)
    yield serving.authenticators(settings)
    authority = None
    if account.verdict == "ok":
        yield files.permissions(settings.data_dir)
        yield files.space(settings.data_dir)
        authority, found = files.keys(settings.data_dir, clock.now_ms())
        for one in found:
            yield one
        if authority is not None:
            yield files.offline_root(settings.data_dir, authority.root_key)
            yield department(authority)
        database = await services.database(settings, clock)
        blobs = await services.blobs(settings)
        for one in (*database, *blobs):
            yield one
        if all(one.verdict != "failure" for one in (*database, *blobs)):
            yield await attachments(settings)
    for one in (*await services.bus(settings), *await gateway(settings, clock)):
        yield one
    for one in order_texts.order_texts(settings):
        yield one
    for one in (*await pushes.pushes(settings), *await serving.local(settings)):
        yield one
    if url is None:
        words = "The proxy was not looked at: the address that officers open is not known."
        yield warning("proxy", words, "Give it: `copconnect doctor --url https://…`.")
    elif authority is not None:
        for one in await serving.proxied(url, authority.secret, clock):
            yield one


def _variables(environment: Mapping[str, str]) -> Finding:
    """Is every variable of the environment a setting? Wrong values are refused before."""
    strange = [name for name, _ in all_settings.unknown(environment)]
    if strange:
        words = f"These variables are no settings and do nothing: {', '.join(strange)}."
        return warning("settings", words, "See the names in docs/operations.md, or remove them.")
    return ok("settings", "Every setting has a value that it takes.")


def department(authority: CertificateAuthority) -> Finding:
    """Can new devices be confirmed as the department's record says?"""
    record = authority.departments[-1]
    name = authority.department
    if record.policy == Policy.NONE:
        words = f"{name} has the policy none: nobody confirms a person's first device."
        remedy = "It is for trials: begin with `copconnect init --policy approval` before real use."
        return warning("department", words, remedy)
    if not record.admins:
        words = f"{name} has the policy approval, and no root admin: nobody can confirm devices."
        remedy = (
            "Let the first admin register, then `copconnect admin grant NUMBER ROOT_KEY` with "
            "the root's key from its safe."
        )
        return warning("department", words, remedy)
    count = len(record.admins)
    admins = "1 device of a root admin" if count == 1 else f"{count} devices of root admins"
    if count == 1:
        remedy = "Name a second one: `copconnect admin grant`. One lost phone stops nothing."
        return warning("department", f"{name} has the policy approval and {admins}.", remedy)
    return ok("department", f"{name} has the policy approval and {admins}.")


async def gateway(settings: Settings, clock: Clock) -> list[Finding]:
    """Is an SMS gateway set, and does it answer?"""
    try:
        chosen = choose_gateway(settings)
    except NoGateway:
        remedy = "Set COPCONNECT_SMS_GATEWAY_URL. A server does not start without it."
        return [failure("gateway", "No SMS gateway is set: nobody could register.", remedy)]
    try:
        return await services.gateway(settings, chosen, clock)
    finally:
        await chosen.close()
