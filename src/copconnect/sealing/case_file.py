"""Verifies a case that a moderator's device exported, without server or database (F1).

``python -m copconnect.sealing.case_file`` reads from its input one JSON object with ``case`` (the
exported file) and ``issuing`` (hex of the raw public keys of the department's issuing CAs), and
prints one with what it found. ``copconnect reports verify`` runs it as its own process,
because nothing of the server imports what can open content.
"""

import base64
import binascii
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from copconnect.records.primitives.fields import Refused, require
from copconnect.records.trust.device import Certificate
from copconnect.sealing.proofs import RULE, Proof, ProofItem, ReportPlace, judge_proof

FORMAT = "copconnect case v1"


def verify(case: Mapping[str, Any], issuing_keys: Sequence[bytes]) -> dict[str, Any]:
    """Return what holds of an exported case. ``issuing_keys``: raw public keys of the department's
    issuing CAs."""
    found: dict[str, Any] = {"report": str(case.get("report", "")), "messages": [], "failed": None}
    try:
        require(case.get("format") == FORMAT, RULE, "no exported case")
        place = ReportPlace(
            report_id=_hex(case, "report"),
            conversation_id=_hex(case, "conversation"),
            message_id=_hex(case, "message"),
            header_hash=_hex(case, "headerHash"),
        )
        given = case.get("messages")
        require(isinstance(given, list) and bool(given), RULE, "no messages")
        rows: list[Any] = given if isinstance(given, list) else []
        require(all(isinstance(one, dict) for one in rows), RULE, "a message is no object")
        items = tuple(
            ProofItem(_hex(one, "person"), _base64(one, "key"), _base64(one, "message"))
            for one in rows
        )
        keys = _sender_keys(rows, tuple(issuing_keys))
        judged = judge_proof(
            Proof(1, "", items), place, lambda person, device: keys.get((person, device))
        )
    except Refused as error:
        found["failed"] = str(error)
        return found
    for one in judged:
        shown = None if one.plaintext is None else base64.b64encode(one.plaintext).decode()
        found["messages"].append(
            {
                "message": one.header.message_id.hex(),
                "person": one.person_id.hex(),
                "device": one.header.sender.hex(),
                "sent_ms": one.header.sent,
                "content": shown,
                "failed": one.failed,
            }
        )
    return found


def _sender_keys(
    rows: Sequence[Mapping[str, Any]], issuing_keys: tuple[bytes, ...]
) -> dict[tuple[bytes, bytes], bytes]:
    """Return the keys of the devices whose certificates this department issued."""
    found: dict[tuple[bytes, bytes], bytes] = {}
    for one in rows:
        try:
            certificate = Certificate.parse(_base64(one, "certificate"), issuing_keys)
        except Refused:
            continue  # The message of that device then fails.
        found[certificate.person_id, certificate.device] = certificate.public_key
    return found


def _hex(row: Mapping[str, Any], name: str) -> bytes:
    try:
        return bytes.fromhex(str(row.get(name, "")))
    except ValueError as error:
        raise Refused(RULE, f"{name} is not hex") from error


def _base64(row: Mapping[str, Any], name: str) -> bytes:
    try:
        return base64.b64decode(str(row.get(name, "")), validate=True)
    except (ValueError, binascii.Error) as error:
        raise Refused(RULE, f"{name} is not base64") from error


def main() -> None:
    """Read, verify, print."""
    asked = json.load(sys.stdin)
    keys = [bytes.fromhex(one) for one in asked["issuing"]]
    case = asked["case"] if isinstance(asked["case"], dict) else {}
    print(json.dumps(verify(case, keys)))


if __name__ == "__main__":
    main()
