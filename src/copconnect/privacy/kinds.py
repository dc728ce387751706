"""Everything that the server keeps about a person, table by table: what an export shows of it, and
whether it is erased or why it stays.

Columns that are not listed are never shown: ciphertext, keys, hashes, and ids of other people where
those are not the person's to know, such as who reported them. A test fails for a table that is
neither here nor said to be about nobody.
"""

from dataclasses import dataclass

from sqlalchemy import Table

from copconnect import budgets
from copconnect.admin import store as admin_store
from copconnect.attachments import store as attachment_store
from copconnect.audit import store as audit_store
from copconnect.auth_service import tables as auth
from copconnect.conduct import store as conduct_store
from copconnect.conduct.guard import picture_store
from copconnect.delivery.store import joining
from copconnect.delivery.store import tables as delivery
from copconnect.directory import store as directory
from copconnect.directory.postings import planned, posting_store
from copconnect.directory.scim import scim_store
from copconnect.directory.uploads import upload_store
from copconnect.orders import tables as orders
from copconnect.push import store as push_store
from copconnect.reports import tables as reports
from copconnect.training import store as training_store
from copconnect.training.reminders import store as reminder_store

ERASED = "erased"
BY_ITS_ROLE = "erased "  # The table's role has the statement, which asks for the permit.
_CASES = "a case, its appeal and its sanction rest on it; it goes with the case"
_LOG = "it goes with the messages, after COPCONNECT_LOG_RETENTION_DAYS"
_SIGNED = "colleagues' devices judge old messages, confirmations and acts by it"
_BELONGED = "it says by id alone who could read a conversation, which its other members rely on"
_ORDERS = "it says by id alone who was given an order and who acknowledged it"
_ACTS = "it says by id alone who did an administrative act"
_SHORT = "it is dropped by itself, within hours or days"


@dataclass(frozen=True, slots=True)
class PersonalTable:
    """Rows of a table about a person. ``by``: the columns that have the person's id, or the id of
    one of the person's devices; ``shown``: the columns of an export; ``fate``: whether rows are
    erased, or why they stay."""

    section: str
    table: Table
    by: tuple[str, ...]
    shown: tuple[str, ...]
    fate: str

    @property
    def erased(self) -> bool:
        """Whether the rows go when the person is erased."""
        return self.fate in (ERASED, BY_ITS_ROLE)


_PERSON = ("person_id",)
_CLIENT = ("client_id",)
_NAMES = ("name_en", "name_te", "name_ur", "name_hi")

KINDS: tuple[PersonalTable, ...] = (
    # --- The data bank
    PersonalTable(
        "data_bank",
        directory.people,
        _PERSON,
        ("code", *_NAMES, "number", "rank", "post_id", "status", "changed_ms", "posted_ms"),
        "names and number are erased; code, rank and post stay, because ids of messages and acts "
        "lead to them and a code is given to nobody else",
    ),
    PersonalTable("search_words", directory.search, _PERSON, ("words",), BY_ITS_ROLE),
    PersonalTable(
        "posts",
        posting_store.POSTINGS,
        _PERSON,
        ("post_id", "charge", "from_ms", "until_ms"),
        BY_ITS_ROLE,
    ),
    PersonalTable(
        "planned_transfers",
        planned.PLANNED,
        _PERSON,
        ("unit_id", "rank", "due_ms", "made_ms", "state", "reason"),
        BY_ITS_ROLE,
    ),
    PersonalTable(
        "personnel_system", scim_store.external_ids, _PERSON, ("external_id",), BY_ITS_ROLE
    ),
    PersonalTable(
        "files_sent",
        upload_store.uploads,
        _PERSON,
        ("name", "size", "made_ms", "state"),
        "files that were sent before the person left are dropped, later ones after 8 days",
    ),
    # --- The account
    PersonalTable("enrolment_code", auth.enrolment_codes, _PERSON, ("used_ms",), BY_ITS_ROLE),
    PersonalTable(
        "registration_codes",
        auth.challenges,
        _PERSON,
        ("created_ms", "expires_ms", "attempts"),
        ERASED,
    ),
    PersonalTable(
        "registrations", auth.tickets, _PERSON, ("step", "created_ms", "expires_ms"), ERASED
    ),
    PersonalTable(
        "devices",
        auth.clients,
        _PERSON,
        (
            *("client_id", "device", "label", "app", "created_ms", "last_seen_ms"),
            *("confirmed", "revoked_ms", "ended_reason", "locked_ms", "locked_by", "expires_ms"),
        ),
        "names of devices and of their apps are erased; ids and public keys stay, because "
        f"{_SIGNED}",
    ),
    PersonalTable("certificates", auth.certificates, _CLIENT, ("issued_ms", "expires_ms"), _SIGNED),
    PersonalTable("tokens", auth.tokens, _CLIENT, ("client_id", "expires_ms"), ERASED),
    PersonalTable(
        "push_subscriptions",
        push_store.SUBSCRIPTIONS,
        _PERSON,
        ("client_id", "endpoint", "created_ms", "success_ms", "failing_since_ms"),
        ERASED,
    ),
    PersonalTable(
        "pushes",
        push_store.QUEUE,
        _CLIENT,
        ("conversation_id", "seq", "queued_ms", "sent_ms"),
        ERASED,
    ),
    PersonalTable("signed_records", auth.people, _PERSON, ("keys_version", "version"), _SIGNED),
    PersonalTable("device_lists", auth.person_devices, _PERSON, ("number",), _SIGNED),
    PersonalTable(
        "cards",
        auth.person_cards,
        _PERSON,
        ("number", "record"),
        f"a card has the name in it, and cannot be changed: {_SIGNED}",
    ),
    PersonalTable(
        "device_keys", auth.device_keys, _PERSON, ("device", "stored_ms", "replaced_ms"), _SIGNED
    ),
    PersonalTable(
        "endorsements",
        auth.endorsements,
        ("person_id", "endorser_person_id"),
        ("person_id", "endorser_person_id", "endorsed", "created_ms"),
        _SIGNED,
    ),
    PersonalTable(
        "grants",
        auth.grants,
        ("person_id", "grantor_person_id"),
        ("person_id", "grantor_person_id", "path", "created_ms", "not_after_ms"),
        _SIGNED,
    ),
    PersonalTable(
        "revocations",
        auth.revocations,
        ("person_id", "signer_person_id"),
        ("person_id", "signer_person_id", "device", "created_ms"),
        _SIGNED,
    ),
    PersonalTable(
        "proofs_of_presence", auth.authenticators, _PERSON, ("state", "created_ms"), _ACTS
    ),
    PersonalTable(
        "comparisons_of_digits",
        auth.confirmations,
        ("new_person_id", "endorser_person_id"),
        ("created_ms", "expires_ms"),
        ERASED,
    ),
    # --- Conversations
    PersonalTable(
        "conversations",
        delivery.MEMBERS,
        _PERSON,
        (
            *("conversation_id", "admin", "added_ms", "history_from_ms", "removed_ms"),
            "muted_until_ms",
        ),
        _BELONGED,
    ),
    PersonalTable(
        "conversations_begun",
        delivery.CONVERSATIONS,
        ("created_by",),
        ("conversation_id", "kind", "created_ms"),
        _BELONGED,
    ),
    PersonalTable(
        "changes_of_members",
        delivery.MEMBER_CHANGES,
        _PERSON,
        ("conversation_id", "changed_ms", "left"),
        _LOG,
    ),
    PersonalTable(
        "groups_listed", joining.LISTINGS, _PERSON, ("conversation_id", "title", "purpose"), ERASED
    ),
    PersonalTable(
        "requests_to_join",
        joining.JOIN_REQUESTS,
        _PERSON,
        ("conversation_id", "asked_ms", "refused_ms", "withdrawn_ms"),
        ERASED,
    ),
    PersonalTable(
        "devices_in_conversations",
        delivery.LEAVES,
        _PERSON,
        ("conversation_id", "client_id", "from_epoch", "to_epoch", "history_from_ms"),
        _SIGNED,
    ),
    PersonalTable(
        "messages_sent",
        delivery.LOG,
        _PERSON,
        ("conversation_id", "seq", "message_id", "sent_ms"),
        _LOG,
    ),
    PersonalTable(
        "messages_read",
        delivery.CURSORS,
        _PERSON,
        ("conversation_id", "client_id", "delivered_seq", "read_seq"),
        _BELONGED,
    ),
    PersonalTable(
        "conversation_keys_made",
        delivery.KEYS,
        ("author_person",),
        ("conversation_id", "stored_ms"),
        _LOG,
    ),
    PersonalTable(
        "keys_asked_for",
        delivery.SHARE_REQUESTS,
        _PERSON,
        ("conversation_id", "client_id", "asked_ms"),
        _SHORT,
    ),
    PersonalTable(
        "keys_on_their_way",
        delivery.SHARES,
        _CLIENT,
        ("conversation_id", "client_id", "created_ms"),
        _SHORT,
    ),
    PersonalTable(
        "unreadable_keys",
        delivery.CELL_KEY_FLAGS,
        _PERSON,
        ("conversation_id", "flagged_ms"),
        _SHORT,
    ),
    PersonalTable(
        "rosters_to_compare",
        delivery.ROSTER_PENDING,
        _PERSON,
        ("conversation_id", "since_ms"),
        _SHORT,
    ),
    PersonalTable(
        "attachments_sent",
        attachment_store.ATTACHMENTS,
        ("uploader",),
        ("attachment_id", "size", "created_ms"),
        _LOG,
    ),
    PersonalTable("attachment_quota", attachment_store.QUOTAS, _PERSON, ("day", "used"), ERASED),
    # The person whom a hold names does not learn of it.
    PersonalTable(
        "legal_holds_set",
        delivery.LEGAL_HOLDS,
        ("set_by", "second_by", "lifted_by"),
        ("hold_id", "from_ms", "lifted_ms"),
        _ACTS,
    ),
    # --- Orders
    PersonalTable(
        "orders_issued",
        orders.ORDERS,
        ("issuer_id",),
        ("order_id", "conversation_id", "issued_ms", "priority", "valid_until_ms", "withdrawn_ms"),
        _ORDERS,
    ),
    PersonalTable(
        "orders_acknowledged",
        orders.ACKNOWLEDGEMENTS,
        ("person_id", "signer_id"),
        (
            *("order_id", "person_id", "signer_id", "told", "choice", "done", "photo", "text_seq"),
            *("created_ms", "received_ms"),
        ),
        _ORDERS,
    ),
    PersonalTable("orders_answered", orders.ANSWERS, _PERSON, ("order_id",), _ORDERS),
    PersonalTable(
        "orders_photos_sent", orders.PHOTOS, _PERSON, ("order_id", "attachment_id"), _ORDERS
    ),
    PersonalTable(
        "texts_about_orders",
        orders.TEXTS,
        _PERSON,
        ("order_id", "state", "asked_ms", "attempts"),
        ERASED,
    ),
    # --- Reports and sanctions
    PersonalTable(
        "reports_made",
        reports.REPORTS,
        ("reporter_id",),
        (
            *("report_id", "conversation_id", "message_id", "clause", "messages", "created_ms"),
            *("state", "finding", "decided_clause", "decided_ms"),
        ),
        _CASES,
    ),
    # The person is not told who reported and who decided, nor of a report before its decision.
    PersonalTable(
        "reports_about_the_person",
        reports.REPORTS,
        ("reported_id",),
        ("report_id", "finding", "decided_clause", "reason", "sanction", "days", "decided_ms"),
        _CASES,
    ),
    PersonalTable(
        "reports_decided",
        reports.REPORTS,
        ("assignee_id", "decider_id", "second_id"),
        ("report_id", "created_ms", "state", "finding", "decided_ms"),
        _CASES,
    ),
    PersonalTable("reports_to_read", reports.READERS, _PERSON, ("report_id",), _CASES),
    PersonalTable(
        "seals_of_reports", reports.SEALS, ("person_id", "by_id"), ("report_id",), _CASES
    ),
    PersonalTable(
        "sanctions",
        reports.SANCTIONS,
        _PERSON,
        ("report_id", "kind", "from_ms", "until_ms", "acknowledged_ms", "ended_ms"),
        _CASES,
    ),
    PersonalTable(
        "appeals_decided",
        reports.APPEALS,
        ("decider_id",),
        ("report_id", "outcome", "decided_ms"),
        _CASES,
    ),
    PersonalTable(
        "pictures_marked",
        picture_store.PICTURES,
        _PERSON,
        ("report_id", "reason", "marked_ms"),
        _CASES,
    ),
    # --- Conduct and training
    PersonalTable(
        "code_of_conduct_accepted",
        conduct_store.acceptances,
        _PERSON,
        ("version", "language", "accepted_ms"),
        "a case about what the person did then rests on it",
    ),
    PersonalTable(
        "codes_of_conduct_published",
        conduct_store.codes,
        _PERSON,
        ("version", "created_ms"),
        _ACTS,
    ),
    PersonalTable("guard_set", conduct_store.policies, _PERSON, ("number", "created_ms"), _ACTS),
    PersonalTable(
        "lessons_done",
        training_store.DONE,
        _PERSON,
        ("lesson_id", "course", "version", "done_ms"),
        ERASED,
    ),
    PersonalTable("courses", training_store.BEGUN, _PERSON, ("course", "completed_ms"), ERASED),
    PersonalTable("courses_shown", training_store.TRAINEES, _PERSON, ("since_ms",), ERASED),
    PersonalTable(
        "reminders_of_training",
        reminder_store.REMINDERS,
        _PERSON,
        ("asked_ms", "asked_course", "reminded_ms"),
        ERASED,
    ),
    # --- Administration
    PersonalTable(
        "acts_signed",
        admin_store.acts,
        _PERSON,
        ("act_id", "state", "taken_ms"),
        f"names in previews of acts are erased; the rest stays: {_ACTS}",
    ),
    PersonalTable("made_by_an_act", admin_store.made, ("person_id", "by_id"), ("at_ms",), _ACTS),
    PersonalTable(
        "audit_log",
        audit_store.ENTRIES,
        (),  # By text: :mod:`copconnect.privacy.exporting`.
        ("number", "made_ms", "act"),
        "the log is a chain of hashes, of which no entry can be changed; it names people by id",
    ),
    PersonalTable(
        "limits_used",
        budgets.SPENT,
        ("spender",),
        ("name", "step_ms", "amount"),
        _SHORT,
    ),
)
