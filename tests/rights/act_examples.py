"""An act of each kind that only a want of rights refuses, with what must be there before it."""

import base64
from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import delete

from copconnect import wire
from copconnect.admin.rules import DEFAULT_RULES
from copconnect.auth_service.trust import device_store
from copconnect.conduct.guard import picture_store, policy
from copconnect.conduct.service import shipped
from copconnect.database.engine import Transaction
from copconnect.directory.names import english
from copconnect.directory.postings import planned
from copconnect.directory.postings.planned import PLANNED
from copconnect.ids import (
    ActId,
    ConversationId,
    DeviceId,
    HoldId,
    LessonId,
    PersonId,
    PostId,
    ReportId,
    new_id,
)
from copconnect.records.primitives.fields import DAY_MS
from copconnect.reports import sanction_store
from tests.contract.holding import hold
from tests.harness.operator import OPERATOR
from tests.harness.presence import Credential
from tests.identity.running import Device
from tests.identity.signing import give, grant, revocation
from tests.rights import uploads
from tests.rights.world import STATION, SUBJECT, Account, World

Example = Callable[[World, Device], Awaitable[wire.Act]]


def _post() -> wire.NewPlace:
    """Return a post of the station that nobody holds."""
    return wire.NewPlace(unit_id=STATION, post=english(f"Duty {new_id()}"), roles=[], head=False)


async def _as_operator(world: World, work: Callable[[Transaction], Awaitable[Any]]) -> Any:
    async with world.whole.database.transaction() as connection:
        return await work(connection)


async def _status(world: World, status: Any) -> None:
    person_id = world.other_subject.person_id
    await _as_operator(
        world, lambda one: world.whole.editor.set_status(one, OPERATOR, person_id, status)
    )


async def _enrol(world: World, _: Device) -> wire.Act:
    """The subject's device asks for another authenticator each time."""
    subject = world.subject
    made = Credential()
    record = made.record(subject.device, subject.key, world.clock.ms)
    assert (await world.post("/v1/authenticators", subject, made.added(record))).is_success
    encoded = base64.b64encode(record.encode()).decode()
    return wire.EnrolAuthenticator(person_id=subject.person_id, authenticator=encoded)


async def _suspend(world: World, _: Device) -> wire.Act:
    await _status(world, "active")
    return wire.SuspendPerson(person_id=world.other_subject.person_id, reason="")


async def _restore(world: World, _: Device) -> wire.Act:
    await _status(world, "suspended")
    return wire.RestorePerson(person_id=world.other_subject.person_id)


async def _transfer(world: World, _: Device) -> wire.Act:
    await _status(world, "active")
    return wire.TransferPerson(person_id=world.other_subject.person_id, place=_post(), rank=None)


async def _plan(world: World, _: Device) -> wire.Act:
    await _status(world, "active")
    await _as_operator(world, lambda one: one.execute(delete(PLANNED)))
    person_id = world.other_subject.person_id
    return wire.PlanTransfer(person_id=person_id, place=_post(), rank=None, on=_next_week(world))


async def _cancel(world: World, signer: Device) -> wire.Act:
    act = await _plan(world, signer)
    assert isinstance(act, wire.PlanTransfer)
    planned_id = await _as_operator(
        world,
        lambda one: world.whole.planned.plan(
            one, OPERATOR, PersonId(act.person_id), act.place, None, act.on
        ),
    )
    return wire.CancelTransfer(person_id=act.person_id, planned_id=planned_id)


def _next_week(world: World) -> str:
    return planned.day_of(world.clock.ms + 7 * DAY_MS)


async def _vacated(world: World) -> PostId:
    """Return a post of the station that somebody held and left."""
    await _status(world, "active")
    person_id = world.other_subject.person_id
    move = world.whole.transfers.transfer
    await _as_operator(world, lambda one: move(one, OPERATOR, person_id, _post(), None))
    async with world.whole.database.reading() as connection:
        card = await world.whole.directory.card(connection, person_id)
    assert card is not None
    await _as_operator(world, lambda one: move(one, OPERATOR, person_id, _post(), None))
    return card.post_id


async def _abolish(world: World, _: Device) -> wire.Act:
    return wire.AbolishPost(post_id=await _vacated(world))


async def _restore_post(world: World, _: Device) -> wire.Act:
    post_id = await _vacated(world)
    await _as_operator(world, lambda one: world.whole.transfers.abolish(one, OPERATOR, post_id))
    return wire.RestorePost(post_id=post_id)


async def _set_policy(_: World, __: Device) -> wire.Act:
    title = english(f"{{unit}} {new_id()}")
    line = wire.GroupPolicy(code="all", title=title, levels=["station"])
    return wire.SetGroupPolicy(policy=[line])


async def _publish(world: World, _: Device) -> wire.Act:
    after = await world.whole.conduct.current()
    return wire.PublishConduct(after=after, asks_again=False, texts=shipped())


async def _guard_policy(world: World, _: Device) -> wire.Act:
    async with world.whole.database.reading() as connection:
        number, text = await world.whole.guard.in_force(connection)
    return wire.SetGuardPolicy(policy=policy.numbered(text, number + 1))


async def _give_charge(world: World, _: Device) -> wire.Act:
    await _status(world, "active")
    person_id = world.other_subject.person_id
    return wire.GiveCharge(person_id=person_id, place=_post(), charge="additional")


async def _end_charge(world: World, _: Device) -> wire.Act:
    await _status(world, "active")
    person_id = world.other_subject.person_id
    posting_id = await _as_operator(
        world,
        lambda one: world.whole.transfers.give_charge(
            one, OPERATOR, person_id, _post(), "additional"
        ),
    )
    return wire.EndCharge(person_id=person_id, posting_id=posting_id)


def renamed() -> wire.RenameUnit:
    """Return a step that gives the station another name."""
    names = english(f"Station {new_id()}")
    return wire.RenameUnit(unit_id=STATION, level="station", names=names)


async def _reorganise(_: World, __: Device) -> wire.Act:
    return wire.ReorganiseUnits(steps=[renamed()])


async def _undo_reorganisation(world: World, _: Device) -> wire.Act:
    number = await _as_operator(
        world, lambda one: world.whole.reorganiser.reorganise(one, OPERATOR, [renamed()])
    )
    return wire.UndoReorganisation(number=number)


async def _codes(world: World, _: Device) -> wire.Act:
    return wire.MakeEnrolmentCodes(person_ids=[world.subject.person_id])


async def _apply_import(world: World, _: Device) -> wire.Act:
    root = PersonId(world.devices[Account.ROOT].person_id)
    return await uploads.applying(world.whole, root, PersonId(world.subject.person_id))


async def _undo_import(world: World, _: Device) -> wire.Act:
    return await uploads.undoing(world.whole, PersonId(world.subject.person_id))


def _group(conversation_id: ConversationId) -> wire.CreateGroup:
    rule = wire.Audience(include=[wire.Clause(units=[STATION])])
    return wire.CreateGroup(
        conversation_id=conversation_id,
        title=english("Duties of the station"),
        rule=rule,
        who_may_send="everyone",
    )


async def _made(world: World) -> ConversationId:
    act = _group(ConversationId(new_id()))
    await _as_operator(
        world, lambda one: world.whole.delivery.department.create(one, OPERATOR, act)
    )
    return act.conversation_id


async def _create_group(_: World, __: Device) -> wire.Act:
    return _group(ConversationId(new_id()))


async def _change_group(world: World, _: Device) -> wire.Act:
    act = _group(await _made(world))
    return wire.ChangeGroup(
        conversation_id=act.conversation_id,
        title=english("Other duties"),
        rule=act.rule,
        who_may_send="admins",
    )


async def _end_group(world: World, _: Device) -> wire.Act:
    return wire.EndGroup(conversation_id=await _made(world))


async def _revoke(world: World, signer: Device) -> wire.Act:
    """Revoke a device of the subject: another one after each that was revoked."""
    lost = world.lost
    if lost is None or (await world.get("/v1/me", lost)).status_code != 200:
        lost = world.lost = await world.device(SUBJECT)
    world.clock.ms += 1000
    record = revocation(world, lost, signer)
    return wire.RevokeDevice(
        person_id=lost.person_id,
        device=DeviceId(lost.device.hex()),
        revocation=base64.b64encode(record.encode()).decode(),
    )


async def _lock(world: World, _: Device) -> wire.Act:
    """Lock the subject's devices, which are open again by then."""
    person_id = PersonId(world.subject.person_id)
    await _as_operator(world, lambda one: device_store.unlock(one, person_id, None))
    return wire.LockDevices(person_id=person_id)


async def _unlock(world: World, _: Device) -> wire.Act:
    """Unlock the subject's devices, which a colleague locked."""
    person_id, by = PersonId(world.subject.person_id), PersonId("0" * 32)
    await _as_operator(world, lambda one: device_store.lock(one, person_id, by, world.clock.ms))
    return wire.UnlockDevices(person_id=person_id)


async def _give(world: World, signer: Device) -> wire.Act:
    world.clock.ms += 1000
    record = grant(world, signer, world.subject, world.path_of(STATION))
    return wire.GiveGrant(
        person_id=world.subject.person_id,
        path=record.path,
        grant=base64.b64encode(record.encode()).decode(),
    )


async def _withdraw(world: World, signer: Device) -> wire.Act:
    """Withdraw what the admin of the commissionerate gave."""
    world.clock.ms += 1000
    admin, path = world.devices[Account.ADMIN], world.path_of(STATION)
    assert (await give(world, admin, grant(world, admin, world.subject, path))).is_success
    world.clock.ms += 1000
    record = grant(world, signer, world.subject, path, not_after=world.clock.ms)
    return wire.WithdrawGrant(
        person_id=world.subject.person_id,
        path=path,
        grant=base64.b64encode(record.encode()).decode(),
    )


async def _set_rights(_: World, __: Device) -> wire.Act:
    return wire.SetRights(rules=list(DEFAULT_RULES[:-1]))


async def _assign(world: World, _: Device) -> wire.Act:
    return wire.AssignReport(report_id=await world.report_subject(), take=True)


def decision(
    world: World, report_id: ReportId, sanction: wire.NewSanction | None
) -> wire.DecideReport:
    """Return a decision of a case about the subject."""
    return wire.DecideReport(
        report_id=report_id,
        header_hash="0" * 64,
        person_id=world.subject.person_id,
        finding="upheld",
        clause=1,
        reason="A greeting.",
        sanction=sanction,
    )


async def _decide(world: World, _: Device) -> wire.Act:
    return decision(world, await world.report_subject(), wire.NewSanction(kind="warning", days=0))


async def _decide_appeal(world: World, _: Device) -> wire.Act:
    report_id = await world.report_subject()
    person_id = world.subject.person_id
    now_ms = world.clock.ms

    async def write(one: Transaction) -> None:
        sanction = {"report_id": report_id, "person_id": person_id, "path": "", "kind": "warning"}
        times = {"from_ms": now_ms, "until_ms": now_ms, "in_rosters": False}
        await sanction_store.add(one, sanction | times)
        appeal = {
            "report_id": report_id,
            "devices": b"",
            "sealed": b"x",
            "created_ms": now_ms,
            "reason": "",
        }
        await sanction_store.add_appeal(one, appeal)

    await _as_operator(world, write)
    return wire.DecideAppeal(
        report_id=report_id, person_id=person_id, outcome="upheld", reason="No."
    )


async def _mark_picture(world: World, _: Device) -> wire.Act:
    report_id = await world.report_subject()
    return wire.MarkPicture(
        hash="ab" * 32, claimed="greeting", report_id=report_id, reason="Sent every morning."
    )


async def _unmark_picture(world: World, _: Device) -> wire.Act:
    """Take away what moderators of the station marked."""
    hash_ = new_id() + new_id()

    async def write(one: Transaction) -> None:
        row = {
            "marked_number": await picture_store.newest(one) + 1,
            "hash": bytes.fromhex(hash_),
            "claimed": "greeting",
            "reason": "",
            "report_id": "0" * 32,
            "path": world.path_of(STATION),
            "person_id": "0" * 32,
            "marked_ms": world.clock.ms,
        }
        await picture_store.mark(one, row)

    await _as_operator(world, write)
    return wire.UnmarkPicture(hash=hash_, reason="It is a duty chart.")


async def _hold(world: World, _: Device) -> wire.Act:
    return wire.HoldMessages(
        hold_id=HoldId(new_id()),
        conversation_id=None,
        person_id=PersonId(world.subject.person_id),
        case_number="WP 1",
        reason="Order of the court",
        until_ms=None,
    )


async def _lift(world: World, _: Device) -> wire.Act:
    now_ms, person_id = world.whole.clock.now_ms(), world.subject.person_id
    hold_id = await hold(world.whole.database, now_ms, person_id=person_id)
    return wire.LiftHold(hold_id=hold_id, reason="The case is over")


async def _publish_lesson(_: World, __: Device) -> wire.Act:
    text = "---\ntitle: Bandobast\nminutes: 2\nversion: 1\n---\n\nStand where you are told.\n"
    return wire.PublishLesson(
        lesson_id=LessonId("officer.bandobast"),
        place=90,
        texts=wire.LessonTexts(en=text, te="", ur="", hi=""),
        pictures=[],
    )


async def _approve(world: World, _: Device) -> wire.Act:
    await world.propose()
    return wire.ApproveAct(
        act_id=ActId(world.waiting_act), hash=world.waiting_hash, shown=world.waiting_effect
    )


async def _refuse(world: World, _: Device) -> wire.Act:
    await world.propose()
    return wire.RefuseAct(act_id=ActId(world.waiting_act), hash=world.waiting_hash, reason="")


EXAMPLES: dict[str, Example] = {
    "suspend_person": _suspend,
    "restore_person": _restore,
    "transfer_person": _transfer,
    "plan_transfer": _plan,
    "cancel_transfer": _cancel,
    "abolish_post": _abolish,
    "restore_post": _restore_post,
    "set_group_policy": _set_policy,
    "publish_lesson": _publish_lesson,
    "publish_conduct": _publish,
    "set_guard_policy": _guard_policy,
    "give_charge": _give_charge,
    "end_charge": _end_charge,
    "reorganise_units": _reorganise,
    "undo_reorganisation": _undo_reorganisation,
    "make_enrolment_codes": _codes,
    "apply_import": _apply_import,
    "undo_import": _undo_import,
    "create_group": _create_group,
    "change_group": _change_group,
    "end_group": _end_group,
    "revoke_device": _revoke,
    "enrol_authenticator": _enrol,
    "lock_devices": _lock,
    "unlock_devices": _unlock,
    "give_grant": _give,
    "withdraw_grant": _withdraw,
    "set_rights": _set_rights,
    "hold_messages": _hold,
    "lift_hold": _lift,
    "assign_report": _assign,
    "decide_report": _decide,
    "mark_picture": _mark_picture,
    "unmark_picture": _unmark_picture,
    "decide_appeal": _decide_appeal,
    "approve_act": _approve,
    "refuse_act": _refuse,
}
