"""Addresses of connections: under whose one counts, which are of the public internet, and how a
proxy is asked for one. Pure."""

import base64
import ipaddress
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, unquote

_WITH_PORT = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::\d+)?|([0-9.]+):\d+")
# Holds every IPv6 address of the public internet, and none that maps to an IPv4 address: neither
# IPv4-mapped ones nor those of NAT64.
_UNICAST = ipaddress.ip_network("2000::/3")
_ASSIGNED = ipaddress.ip_network("192.0.0.0/24")  # By the IETF to protocols.
_SIX_TO_FOUR = ipaddress.ip_network("2002::/16")  # They hold an IPv4 address.


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


def is_public(address: str) -> bool:
    """Return whether an IP address is one of the public internet."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        return found in _UNICAST and found not in _SIX_TO_FOUR and found.is_global
    return found.is_global and not found.is_multicast and found not in _ASSIGNED


def tunnel_request(proxy: SplitResult, host: str, port: int) -> bytes:
    """Return the request by which a proxy opens a tunnel (RFC 9110 section 9.3.6)."""
    there = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {there} HTTP/1.1", f"Host: {there}"]
    if proxy.username is not None:
        secret = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}".encode()
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(secret).decode()}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
