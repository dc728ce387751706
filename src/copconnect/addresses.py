"""Whose address a connection counts under. Pure."""

import ipaddress
import re
from collections.abc import Mapping
from typing import Any

_WITH_PORT = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::\d+)?|([0-9.]+):\d+")


def caller_address(peer: str, forwarded_for: str, trusted_proxies: int) -> str:
    """Return what the limits by address count under: what the outermost trusted proxy saw.

    An IPv6 caller owns at least a /64 and can come from any of its addresses, so that is counted;
    the port that some proxies append is not.
    """
    hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
    seen = hops[-trusted_proxies] if 0 < trusted_proxies <= len(hops) else peer
    bare = _WITH_PORT.fullmatch(seen)
    try:
        address = ipaddress.ip_address((bare[1] or bare[2]) if bare else seen.partition("%")[0])
    except ValueError:
        return seen[:64]
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address), 64), strict=False))


def peer_of(scope: Mapping[str, Any]) -> str:
    """Return the address at the other end of a request's connection, from its ASGI scope."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def forwarded_for(scope: Mapping[str, Any]) -> str:
    """Return all X-Forwarded-For headers of a request as one: a proxy may add its header after the
    caller's instead of appending to it."""
    values = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
    return b",".join(values).decode("latin-1")
