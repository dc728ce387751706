"""The audit log: who did which administrative act, when; append-only and chained by hashes.

Invariants: an act and its entry are one transaction; entries are numbered without a gap, and each
entry's hash covers the one before, so that a changed, missing or reordered entry shows when the
chain is verified. Entries that somebody cuts off at the end show only against a number and a hash
that were noted elsewhere.
"""

from copconnect.audit.service import Audit

__all__ = ["Audit"]
