"""Requests that are as good as they can be, so that nothing but a want of rights refuses them.

A route takes the least body of the struct that docs/protocol.md names, unless :func:`_body` has a
better one: for a route that judges the content before it judges who asks.
"""

import re
from typing import Any

import msgspec
from msgspec import inspect

from copconnect import wire
from copconnect.directory.names import english
from copconnect.ids import AttachmentId, KeyId, LessonId, MessageId, ReportId, new_id
from copconnect.records.conversation.cell_key import CellKey
from copconnect.records.conversation.conversation_key import ConversationKey
from copconnect.records.conversation.envelope import APPEAL, REPORT, EnvelopeKind
from copconnect.records.conversation.message import MessageHeader
from copconnect.records.primitives.fields import ZEROS, sha256
from copconnect.records.primitives.kem import X25519
from copconnect.sealing.envelopes import EnvelopePlace, seal_envelope
from tests.harness import protocol_routes
from tests.harness.presence import Credential, posted
from tests.identity.running import Device, synthetic_bank
from tests.identity.signing import device_key, signed_act
from tests.rights.act_examples import renamed
from tests.rights.world import CHUNK, STATION, SUBJECT, Account, World

LESSON = LessonId("officer.what-this-app-is")
_NAME = re.compile(r"\{\w+\}")
_STRUCTS = {_NAME.sub("{}", str(route)): route.body for route in protocol_routes.read()}
_RAW = {
    "PUT /v1/attachments/{attachment_id}/chunks/{index}": CHUNK,
    "PUT /v1/admin/uploads/{upload_id}/chunks/{index}": b"x",
}
_QUERIES = {
    "GET /v1/admin/uploads/{upload_id}/rows": "?show=changed",
    "GET /v1/reports/readers": f"?conversation={'0' * 32}&message={'0' * 32}",
}


def path(world: World, route: str) -> str:
    """Return a route's path with ids of what is there."""
    values = {
        "{conversation_id}": world.group,
        "{cell_id}": world.cell,
        "{attachment_id}": world.attachment,
        "{order_id}": world.order,
        "{lesson_id}": LESSON,
        "{upload_id}": world.upload,
        "{person_id}": world.subject.person_id,
        "{client_id}": world.subject.client_id,
        "{report_id}": world.report,
        "{device_id}": world.subject.device.hex(),
        "{unit_id}": STATION,
        "{post_id}": world.subject_post,
        "{epoch}": "1",
        "{index}": "0",
        "{version}": "1",
        "{what}": "people",
    }
    named = _NAME.sub(lambda name: values.get(name[0], "0" * 32), route.partition(" ")[2])
    return named + _QUERIES.get(route, "")


def content(world: World, account: Account, route: str) -> bytes | None:
    """Return what is sent; None for nothing."""
    if route in _RAW:
        return _RAW[route]
    body = _body(world, world.devices.get(account, world.subject), route)
    if body is None:
        kind = _STRUCTS.get(_NAME.sub("{}", route))
        body = None if kind is None else _least(inspect.type_info(kind))
    return None if body is None else msgspec.msgpack.encode(body)


def _body(world: World, device: Device, route: str) -> wire.Wire | None:
    match route:
        case "POST /v1/conduct/acceptances":
            # The newcomer is to stay one: nobody accepts a version that is not there.
            return wire.AcceptConduct(version=9_999, language="en")
        case "POST /v1/training/done":
            done = wire.LessonDone(lesson_id=LESSON, version=1, language="en", answers=[])
            return wire.SubmitLessonsDone(lessons=[done])
        case "POST /v1/admin/training/reminders":
            return wire.RemindOfTraining(course="officer", path="")
        case "POST /v1/admin/training/previews":
            return wire.PreviewLesson(lesson_id=LESSON, language="en", text="", pictures=[])
        case "POST /v1/admin/training/pictures":
            return wire.SubmitLessonPicture(data=b"\xff\xd8\xff")
        case "PUT /v1/push/subscription":
            origin = "https://updates.push.services.mozilla.com"
            return wire.PutPushSubscription(endpoint=f"{origin}/wpush/v2/x")
        case "POST /v1/reports" | "POST /v1/sanctions/{report_id}/appeal":
            sealed = _sealed(world, device, APPEAL if route.endswith("appeal") else REPORT)
            if route.endswith("appeal"):
                return wire.SubmitAppeal(sealed=sealed)
            return wire.SubmitReport(
                report_id=ReportId(new_id()),
                conversation_id=world.group,
                message_id=MessageId(new_id()),
                header_hash=bytes(32),
                clause=1,
                messages=1,
                sealed=sealed,
            )
        case "POST /v1/reports/{report_id}/seals":
            return wire.SubmitSeals(
                envelope="report",
                seals=[wire.AddedSeal(key_id=bytes(16), kem=X25519, seal=bytes(80))],
            )
        case "POST /v1/attachments":
            return wire.BeginAttachment(
                attachment_id=AttachmentId(new_id()), conversation_id=world.group, size=len(CHUNK)
            )
        case "POST /v1/attachments/{attachment_id}/shares":
            return wire.ShareAttachment(conversation_id=world.group)
        case "POST /v1/conversations/{conversation_id}/messages":
            message = _message(world, device)
            return wire.SendMessage(
                message=message, attachment_ids=[], wakes=[], state=False, order=None
            )
        case "POST /v1/conversations/{conversation_id}/keys":
            return wire.SubmitKey(record=key(world, device), seals=b"", left_out=[])
        case "POST /v1/conversations/{conversation_id}/keys/seals":
            return wire.SubmitLateSeals(key_id=KeyId("0" * 64), seals=b"", refused=[])
        case "POST /v1/conversations/{conversation_id}/cells/own/keys":
            return wire.SubmitCellKey(record=cell_key(world, device), seals=b"", left_out=[])
        case "PUT /v1/conversations/{conversation_id}/join-request":
            # An envelope with one X25519 seal, of which the server reads the form alone.
            return wire.AskToJoin(sealed=b"\x01\x00\x20" + bytes(32) + b"\x01" + bytes(96 + 272))
        case "PUT /v1/conversations/{conversation_id}/who-may-send":
            return wire.ChangeWhoMaySend(who_may_send="everyone")
        case "POST /v1/admin/acts":
            return posted(signed_act(world, device, _codes(world)))
        case "POST /v1/admin/exports":
            return posted(signed_act(world, device, wire.ExportPart(what="people", form="csv")))
        case "POST /v1/authenticators":
            made = Credential()
            now = world.clock.ms
            return made.added(made.record(device.device, device.key, now))
        case "POST /v1/admin/previews":
            return wire.PreviewAct(act=msgspec.json.encode(_codes(world)))
        case "POST /v1/admin/moves/previews":
            place = wire.NewPlace(unit_id=STATION, post=english("Duty"), roles=[], head=False)
            people = [world.subject.person_id]
            return wire.PreviewMoves(person_ids=people, place=place, rank=None)
        case "POST /v1/admin/people/lookups" | "POST /v1/admin/holds/lookups":
            # By the employee number: the answer repeats what was given.
            (code,) = (one.code for one in synthetic_bank().people if one.number == SUBJECT)
            return wire.FindPeople(given=[code])
        case "POST /v1/admin/audiences/previews":
            rule = wire.Audience(include=[wire.Clause(units=[STATION])])
            return wire.PreviewAudience(rule=rule)
        case "POST /v1/admin/reorganisations/previews":
            return wire.PreviewReorganisation(steps=[renamed()], undo=None)
        case _:
            return None


def _sealed(world: World, device: Device, kind: EnvelopeKind) -> bytes:
    """Return an envelope that is sealed to the device itself."""
    place = EnvelopePlace(salt=bytes(16), joined=b"")
    return seal_envelope(kind, place, b"", [device_key(world, device, 1)], bytes(32))


def _codes(world: World) -> wire.MakeEnrolmentCodes:
    return wire.MakeEnrolmentCodes(person_ids=[world.subject.person_id])


def _message(world: World, device: Device) -> bytes:
    """Return a message under a key that nobody made."""
    body = bytes(64)
    header = MessageHeader(
        conversation_id=bytes.fromhex(world.group),
        message_id=bytes.fromhex(new_id()),
        sender=device.device,
        seq=1,
        attempt=1,
        previous=ZEROS,
        key_id=ZEROS,
        epoch=1,
        head=ZEROS,
        log_position=0,
        log_hash=ZEROS,
        sent=world.clock.ms,
        body_hash=sha256(body),
    )
    return header.signed(device.key).encode() + body


def key(world: World, device: Device) -> bytes:
    """Return a key record under no head."""
    record = ConversationKey(
        conversation_id=bytes.fromhex(world.group),
        author=device.device,
        epoch=1,
        head=ZEROS,
        created=world.clock.ms,
        commit=ZEROS,
    )
    return record.signed(device.key).encode()


def cell_key(world: World, device: Device) -> bytes:
    """Return a record of the group's cell under no head."""
    record = CellKey(
        kem=X25519,
        conversation_id=bytes.fromhex(world.group),
        cell_id=bytes.fromhex(world.cell),
        epoch=1,
        generation=1,
        head=ZEROS,
        author=device.device,
        created=world.clock.ms,
        commit=ZEROS,
        pk=bytes([9]) + bytes(31),
    )
    return record.signed(device.key).encode()


def _least(info: Any) -> Any:
    """Return the least value of a type on the wire, as decoded MessagePack."""
    match info:
        case inspect.StructType():
            return {one.encode_name: _least(one.type) for one in info.fields}
        case inspect.UnionType(types=types):
            empty = any(isinstance(one, inspect.NoneType) for one in types)
            return None if empty else _least(types[0])
        case inspect.StrType(pattern=None):
            return "x" * (info.min_length or 0)
        case inspect.StrType(pattern=str(pattern)):
            return "0" * (64 if "64" in pattern else 32)
        case inspect.BytesType():
            return bytes(info.min_length or 0)
        case inspect.IntType():
            return info.ge or 0
        case inspect.BoolType():
            return False
        case inspect.LiteralType(values=values):
            return values[0]
        case inspect.DictType():
            return {}
        case inspect.ListType():
            return [_least(info.item_type) for _ in range(info.min_length or 0)]
        case _:
            raise TypeError(f"no least value of {info!r}")
