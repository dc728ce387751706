"""The code of conduct."""

from typing import Annotated

from msgspec import Meta

from copconnect.wire.base import Language, Wire


class ConductCode(Wire, frozen=True, kw_only=True):
    version: str
    language: Language
    title: str
    rules: list[str]  # Plain sentences, in order.


class AcceptConduct(Wire, frozen=True, kw_only=True):
    version: Annotated[str, Meta(max_length=32)]
    language: Language


class Guard(Wire, frozen=True, kw_only=True):
    record: bytes  # A GuardRecord: weights by hash, the policy whole.


class GuardWeights(Wire, frozen=True, kw_only=True):
    weights: bytes  # The file of weights that the record names.
