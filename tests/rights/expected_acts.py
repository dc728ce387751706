"""Every administrative act, and the rule that says who may do it.

An act without a line fails the test by name. The test signs the act of ``act_examples.py`` by the
device of each account, about a person of the station; an account that is not refused does it.
"""

from tests.rights.rules import (
    ANOTHER_ADMIN,
    HERE,
    HERE_AND_COLLEAGUES,
    HERE_AND_HEAD,
    ROOT_ADMINS,
    Rule,
)

ACTS: dict[str, Rule] = {
    # People. The person's unit counts, and for a transfer the unit that they come to.
    "suspend_person": HERE,
    "restore_person": HERE,
    "transfer_person": HERE,
    "plan_transfer": HERE,
    "cancel_transfer": HERE,
    "give_charge": HERE,
    "end_charge": HERE,
    "make_enrolment_codes": HERE,
    # Units: every unit that a step changes, and the parents that lose or get one.
    "reorganise_units": HERE,
    "undo_reorganisation": HERE,
    "abolish_post": HERE,
    "restore_post": HERE,
    # Imports. Every unit counts whose people the file changes, before and after.
    "apply_import": HERE,
    "undo_import": HERE,
    # Groups. Every unit counts of which the rule takes people.
    "create_group": HERE_AND_HEAD,
    "change_group": HERE_AND_HEAD,
    "end_group": HERE_AND_HEAD,
    # Devices and grants, which devices judge too (E0, E4). No head of a unit may do these
    # without a grant, whatever the rights table says.
    "revoke_device": HERE,
    # A phone that is lost is locked by a colleague, by those above, or by an admin. An admin who
    # may remove it unlocks it, and the person who asked for the lock.
    "lock_devices": HERE_AND_COLLEAGUES,
    "unlock_devices": HERE,
    "give_grant": HERE,
    "withdraw_grant": HERE,
    # So do authenticators of other people; nobody enrols their own.
    "enrol_authenticator": HERE,
    # The rights table is everybody's: root admins change it, always two of them.
    "set_rights": ROOT_ADMINS,
    # So is the policy of standing groups.
    "set_group_policy": ROOT_ADMINS,
    # Lessons are for everybody, too.
    "publish_lesson": ROOT_ADMINS,
    # And the code of conduct, and the guard's policy.
    "publish_conduct": ROOT_ADMINS,
    "set_guard_policy": ROOT_ADMINS,
    # And legal holds.
    "hold_messages": ROOT_ADMINS,
    "lift_hold": ROOT_ADMINS,
    # Reports about somebody of the station, and appeals of theirs.
    "assign_report": HERE,
    "decide_report": HERE,
    "decide_appeal": HERE,
    # Pictures that such a report showed.
    "mark_picture": HERE,
    "unmark_picture": HERE,
    # Acts that wait for a second admin: never the one who asked, who may take it back.
    "approve_act": ANOTHER_ADMIN,
    "refuse_act": HERE,
}
