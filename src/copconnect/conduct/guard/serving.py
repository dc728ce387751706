"""Signs the weights and the policy of the guard at the server's start, and serves them.

Invariants: what is served was read whole; every node signs the same bytes, because Ed25519 is
deterministic; no message ever reaches this code.
"""

from importlib.resources import files
from pathlib import Path
from typing import Protocol

from copconnect import wire
from copconnect.conduct.guard import model, policy
from copconnect.records.primitives.fields import sha256
from copconnect.records.trust.guard_record import GuardRecord


class Signer(Protocol):
    """The roster authority."""

    def signed(self, record: GuardRecord) -> GuardRecord:
        """Return the record with the authority's signature."""
        ...


class GuardFile(ValueError):
    """A file of weights or a policy that a setting names and that cannot be used."""


class GuardService:
    """The guard's record and weights."""

    def __init__(self, signer: Signer, weights: str, rules: str) -> None:
        """Load and sign; an empty path stands for what is shipped. Raises GuardFile."""
        data = _bytes(weights) if weights else shipped_weights()
        text = _bytes(rules).decode("utf-8", "replace") if rules else shipped_policy()
        try:
            self.model = model.read(data)
        except model.Malformed as error:
            raise GuardFile(f"{weights}: {error}") from error
        try:
            self.policy = policy.parse(text)
        except ValueError as error:
            raise GuardFile(f"{rules}: {error}") from error
        record = GuardRecord(
            number=self.model.number,
            size=len(data),
            weights=sha256(data),
            policy_number=self.policy.number,
            policy=text,
        )
        self._guard = wire.Guard(record=signer.signed(record).encode())
        self._weights = wire.GuardWeights(weights=data)

    def guard(self) -> wire.Guard:
        """Return the signed record."""
        return self._guard

    def weights(self) -> wire.GuardWeights:
        """Return the weights that the record names."""
        return self._weights


def shipped_weights() -> bytes:
    """Return the file of weights that comes with this version."""
    return (files("copconnect.conduct.guard") / "weights.bin").read_bytes()


def shipped_policy() -> str:
    """Return the policy that comes with this version."""
    return (files("copconnect.conduct.guard") / "policy.json").read_text("utf-8")


def _bytes(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise GuardFile(f"{path}: {error.strerror}") from error
