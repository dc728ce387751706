// Generated from src/copconnect/wire/ by `python -m copconnect.wire.typescript`.
// Do not edit: change wire/ and run `make types`.
/** The outcome of each act: the tag that the server writes into the audit log. */
export const OUTCOMES = {
  "suspend_person": "person_suspended",
  "restore_person": "person_restored",
  "transfer_person": "person_transferred",
  "plan_transfer": "transfer_planned",
  "cancel_transfer": "planned_transfer_cancelled",
  "abolish_post": "post_abolished",
  "restore_post": "post_restored",
  "give_charge": "charge_given",
  "end_charge": "charge_ended",
  "reorganise_units": "units_reorganised",
  "undo_reorganisation": "reorganisation_undone",
  "make_enrolment_codes": "enrolment_codes_made",
  "revoke_device": "device_revoked",
  "lock_devices": "devices_locked",
  "unlock_devices": "devices_unlocked",
  "give_grant": "grant_given",
  "withdraw_grant": "grant_withdrawn",
  "set_rights": "rights_set",
  "apply_import": "data_bank_imported",
  "undo_import": "import_undone",
  "create_group": "audience_conversation_created",
  "change_group": "audience_conversation_changed",
  "end_group": "audience_conversation_ended",
  "set_group_policy": "group_policy_set",
  "assign_report": "report_assigned",
  "decide_report": "report_decided",
  "decide_appeal": "appeal_decided",
  "publish_lesson": "lesson_published",
  "publish_conduct": "conduct_published",
  "set_guard_policy": "guard_policy_set",
  "mark_picture": "picture_marked",
  "unmark_picture": "picture_unmarked",
  "enrol_authenticator": "authenticator_enrolled",
  "approve_act": "act_approved",
  "refuse_act": "act_refused",
  "export_part": "directory_exported"
} as const;
/** Acts that a second admin approves, however few they touch. */
export const ALWAYS_SECOND: ReadonlySet<string> = new Set(["mark_picture", "publish_conduct", "set_guard_policy", "set_rights", "unmark_picture"]);
