"""The TypeScript types that are generated from the wire."""

from typing import Annotated

import pytest

from copconnect import wire
from copconnect.ids import PersonId
from copconnect.wire import typescript
from copconnect.wire.base import HEX16, Wire


class Named(Wire, frozen=True, kw_only=True):
    person_id: Annotated[PersonId, HEX16]
    confirmers: list[PersonId]


class Plain(Wire, frozen=True, kw_only=True):
    person_id: str


class PlainList(Wire, frozen=True, kw_only=True):
    person_ids: list[str] | None


def added(monkeypatch: pytest.MonkeyPatch, cls: type[Wire]) -> None:
    """Make a struct part of the wire."""
    monkeypatch.setattr(wire, cls.__name__, cls, raising=False)
    monkeypatch.setattr(cls, "__module__", f"{wire.__name__}.test", raising=False)


def test_an_id_is_a_branded_string(monkeypatch: pytest.MonkeyPatch) -> None:
    added(monkeypatch, Named)
    text = typescript.generate()
    assert "readonly personId: PersonId;\n  readonly confirmers: PersonId[];" in text
    assert 'export type * from "./ids.ts";' in text


@pytest.mark.parametrize("cls", [Plain, PlainList])
def test_a_plain_id_is_refused(monkeypatch: pytest.MonkeyPatch, cls: type[Wire]) -> None:
    added(monkeypatch, cls)
    with pytest.raises(TypeError, match=r"give it its type of ids\.py"):
        typescript.generate()
