"""``copconnect reports verify``: an exported case is judged without a server."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from copconnect.auth_service.keys import authority
from copconnect.cli import app
from copconnect.clock import SystemClock
from copconnect.ids import ClientId, PersonId, new_id
from copconnect.records.conversation.message import MessageHeader, message_hash
from copconnect.records.primitives.ed25519 import public_bytes
from copconnect.records.primitives.fields import ZEROS
from copconnect.records.primitives.kem import XWING
from copconnect.records.trust.department import Policy
from copconnect.records.trust.device import device_id
from copconnect.sealing.messages import body_key, seal_message

NOW = SystemClock().now_ms()
TEXT = "వదంతి".encode()


def case(keys: Path) -> dict[str, Any]:
    """Return a case as the console exports it, of a department that is made in a folder."""
    authority.create(keys, "Test Police", NOW, Policy.NONE, XWING)
    person, client, key = new_id(), new_id(), Ed25519PrivateKey.generate()
    public = public_bytes(key)
    issued = authority.CertificateAuthority(keys).issue(
        PersonId(person), ClientId(client), public, NOW, 90
    )
    draft = MessageHeader(
        conversation_id=bytes.fromhex(new_id()),
        message_id=bytes.fromhex(new_id()),
        sender=device_id(bytes.fromhex(person), bytes.fromhex(client), public),
        seq=1,
        attempt=1,
        previous=ZEROS,
        key_id=ZEROS,
        epoch=1,
        head=ZEROS,
        log_position=0,
        log_hash=ZEROS,
        sent=NOW,
    )
    message = seal_message(draft, bytes(32), TEXT, key)
    return {
        "format": "copconnect case v1",
        "report": new_id(),
        "conversation": draft.conversation_id.hex(),
        "message": draft.message_id.hex(),
        "headerHash": message_hash(message).hex(),
        "messages": [
            {
                "person": person,
                "message": base64.b64encode(message).decode(),
                "key": base64.b64encode(body_key(draft, bytes(32))).decode(),
                "certificate": base64.b64encode(issued.der).decode(),
            }
        ],
    }


def run(folder: Path, exported: object) -> tuple[int, Mapping[str, Any]]:
    """Return the exit code and the JSON of the last line."""
    file = folder / "case.json"
    file.write_text(json.dumps(exported), "utf-8")
    keys = str(folder / "keys")
    result = CliRunner().invoke(app, ["reports", "verify", str(file), "--keys", keys])
    lines = result.output.strip().splitlines()
    found = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
    return result.exit_code, found


def test_f1_an_exported_case_is_verified_and_every_change_is_found(tmp_path: Path) -> None:
    genuine = case(tmp_path / "keys")
    code, found = run(tmp_path, genuine)
    (message,) = found["messages"]
    assert (code, found["failed"], message["failed"]) == (0, None, None)
    assert base64.b64decode(message["content"]) == TEXT
    (item,) = genuine["messages"]
    other = case(tmp_path / "other" / "keys")
    for changed in (
        {"certificate": other["messages"][0]["certificate"]},  # Another department's.
        {"person": new_id()},
        {"key": base64.b64encode(bytes(32)).decode()},
    ):
        code, found = run(tmp_path, genuine | {"messages": [item | changed]})
        assert (code, found["messages"][0]["content"]) == (1, None)
    wholes: tuple[object, ...] = (
        genuine | {"messages": other["messages"]},
        genuine | {"messages": [item, item]},
        genuine | {"headerHash": "00" * 32},
        genuine | {"messages": [item | {"message": "?"}]},
        genuine | {"format": "copconnect case v2"},
        [],
    )
    for whole in wholes:
        code, found = run(tmp_path, whole)
        assert code == 1
        assert str(found["failed"]).startswith("F1: ")


def test_a_file_that_is_no_case_is_refused(tmp_path: Path) -> None:
    case(tmp_path / "keys")
    file = tmp_path / "case.json"
    file.write_bytes(b"\xff{")
    keys = str(tmp_path / "keys")
    result = CliRunner().invoke(app, ["reports", "verify", str(file), "--keys", keys])
    assert result.exit_code == 1


@pytest.mark.parametrize("item", [None, 5, "x", {"message": 3}])
def test_f1_misshapen_messages_are_refused(tmp_path: Path, item: object) -> None:
    genuine = case(tmp_path / "keys")
    code, found = run(tmp_path, genuine | {"messages": [item]})
    assert code == 1
    assert str(found["failed"]).startswith("F1: ")
