"""Rules that the tables of expectations name: which accounts get an answer, and the others' error.

A rule says what the server answers to each account: ``YES`` for any answer that is not a refusal
for want of a right, or else the code of that refusal.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tests.rights.world import Account

YES = "answered"
# Codes that refuse for want of a right. A request that is refused with another code had the right.
REFUSALS = frozenset(
    {
        "unauthenticated",
        "signed_out",
        "conduct_not_accepted",
        "device_unconfirmed",
        "not_found",
        "not_member",
        "not_admin",
        "may_not_send",
        "may_not_issue",
        "not_allowed",
        "needs_another",
    }
)
A = Account


@dataclass(frozen=True)
class Rule:
    """``answers``: by account; ``shown``: who learns of people of the station, where the answer
    names people, or None where it does not."""

    answers: Mapping[Account, str]
    shown: frozenset[Account] | None = None

    def but(self, **answers: str) -> "Rule":
        """Return the rule with other answers to the accounts of these names."""
        return replace(
            self, answers={**self.answers, **{Account[one]: answers[one] for one in answers}}
        )

    def showing(self, *accounts: Account) -> "Rule":
        """Return the rule of a route whose answer names people of the station to these alone."""
        return replace(self, shown=frozenset(accounts))


def _rule(*steps: Mapping[Account, str]) -> Rule:
    answers = dict.fromkeys(Account, YES)
    for step in steps:
        answers |= step
    return Rule(answers)


_NO_ACCOUNT = dict.fromkeys((A.NOBODY, A.OPERATOR, A.HRMS), "unauthenticated")
_OUT = dict.fromkeys((A.SUSPENDED, A.REVOKED), "signed_out")
_NEWCOMER = {A.NEWCOMER: "conduct_not_accepted"}
_UNCONFIRMED = {A.UNCONFIRMED: "device_unconfirmed"}
_OFFICERS = (A.OFFICER, A.HEAD, A.BESIDE, A.ADMIN, A.ROOT)
_CONFIRMED = (_NO_ACCOUNT, _OUT, _NEWCOMER, _UNCONFIRMED)

EVERYBODY = _rule()  # Also without an account.
ACCOUNTS = _rule(_NO_ACCOUNT, _OUT)  # Everybody who is signed in.
ACCEPTED = _rule(_NO_ACCOUNT, _OUT, _NEWCOMER)  # People who accepted the code of conduct.
OFFICERS = _rule(*_CONFIRMED)  # People whose device is confirmed, too.


def officers(*accounts: Account, others: str) -> Rule:
    """Return a rule of these officers; the others are refused with this code."""
    refused = dict.fromkeys(set(_OFFICERS) - set(accounts), others)
    return _rule(*_CONFIRMED, refused)


# Conversations. No right of an admin opens one: a person who is no member gets nothing.
MEMBERS = officers(A.OFFICER, A.HEAD, others="not_member")
GROUP_ADMINS = MEMBERS.but(OFFICER="not_admin")
MEMBERS_IN_VAIN = MEMBERS.but(OFFICER="not_found", HEAD="not_found")
MEMBERS_AND_UPLOADER = officers(A.OFFICER, A.HEAD, others="not_found")
UPLOADER = officers(A.HEAD, others="not_found")
ORDERED = MEMBERS_AND_UPLOADER  # Members of the order's conversation.
ISSUER = ORDERED.but(OFFICER="not_allowed")
# Orders to the station of somebody who heads a unit above it: a post commands, and no grant does.
HEADS_ABOVE = officers(A.ROOT, others="may_not_issue")

# Administration. An admin has rights over their own part of the tree alone.
ADMINS = officers(A.BESIDE, A.ADMIN, A.ROOT, others="not_allowed")  # About their own part.
ADMINS_AND_HEAD = officers(A.HEAD, A.BESIDE, A.ADMIN, A.ROOT, others="not_allowed")
HERE = officers(A.ADMIN, A.ROOT, others="not_allowed")  # About somebody of the station.
HERE_AND_HEAD = officers(A.HEAD, A.ADMIN, A.ROOT, others="not_allowed")
HERE_AND_COLLEAGUES = officers(A.OFFICER, A.HEAD, A.ADMIN, A.ROOT, others="not_allowed")
ROOT_ADMINS = officers(A.ROOT, others="not_allowed")  # About the whole department.
# Another admin than the one who asked for the act: the admin of the commissionerate did.
ANOTHER_ADMIN = HERE.but(ADMIN="needs_another")

# A file that the admin sent, about a person of the station.
SEES_UPLOAD = ADMINS.but(BESIDE="not_found")
SENDER = SEES_UPLOAD.but(ROOT="not_found")

# A case about somebody of the station: admins of another part get `not_found`.
CASES = ADMINS.but(BESIDE="not_found")

# Somebody else's thing, which is as if it were not there.
NOBODY_ELSE = officers(others="not_found")
NOBODY_ELSE_UNCONFIRMED = NOBODY_ELSE.but(UNCONFIRMED="not_found")

# Programs.
OPERATORS = Rule(dict.fromkeys(Account, "not_found") | {A.OPERATOR: YES})
HRMS = Rule(dict.fromkeys(Account, "unauthenticated") | {A.HRMS: YES})
NOBODY_FROM_OUTSIDE = Rule(dict.fromkeys(Account, "not_found"))  # This machine alone.
