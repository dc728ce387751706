"""Hypothesis strategies for wire structs: valid ones, and ones that are wrong in one place."""

import string
from collections.abc import Callable
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

TEXT = st.text(max_size=40)
JUNK: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**63), max_value=2**64 - 1)
    | st.floats()
    | TEXT
    | st.binary(max_size=40)
    | st.sampled_from(["", "\0", "\ud7ff", "0" * 32, "z" * 32, -1, 2**63, 1e308, b"\0" * 32]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)


def valid(kind: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    """Return plain values (as decoded MessagePack) that ``kind`` accepts."""
    return _strategy(inspect.type_info(kind))


@st.composite
def broken(draw: st.DrawFn, kind: type[msgspec.Struct]) -> Any:
    """A valid value with one field dropped, replaced by junk, or added."""
    value = draw(valid(kind))
    key = draw(st.sampled_from(sorted(value)) if value else TEXT)
    act = draw(st.sampled_from(["drop", "replace", "add"]))
    if act == "drop":
        value.pop(key, None)
    elif act == "replace":
        value[key] = draw(JUNK)
    else:
        value[draw(TEXT)] = draw(JUNK)
    return value


def _text(info: inspect.Type) -> st.SearchStrategy[Any]:
    assert isinstance(info, inspect.StrType)
    if info.pattern is not None:
        return st.from_regex(info.pattern, fullmatch=True, alphabet=string.printable)
    return st.text(min_size=info.min_length or 0, max_size=min(info.max_length or 40, 200))


def _bytes(info: inspect.Type) -> st.SearchStrategy[Any]:
    assert isinstance(info, inspect.BytesType)
    low = info.min_length or 0
    return st.binary(min_size=low, max_size=max(low, min(info.max_length or 64, 256)))


def _integer(info: inspect.Type) -> st.SearchStrategy[Any]:
    assert isinstance(info, inspect.IntType)
    low = -(2**63) if info.ge is None else info.ge
    return st.integers(min_value=low, max_value=2**63 - 1 if info.le is None else info.le)


def _list(info: inspect.Type) -> st.SearchStrategy[Any]:
    assert isinstance(info, inspect.ListType)
    low = info.min_length or 0
    return st.lists(_strategy(info.item_type), min_size=low, max_size=max(low, 3))


def _dict(info: inspect.Type) -> st.SearchStrategy[Any]:
    assert isinstance(info, inspect.DictType)
    return st.dictionaries(_strategy(info.key_type), _strategy(info.value_type), max_size=3)


def _literal(info: inspect.Type) -> st.SearchStrategy[Any]:
    assert isinstance(info, inspect.LiteralType)
    return st.sampled_from(list(info.values))


def _union(info: inspect.Type) -> st.SearchStrategy[Any]:
    assert isinstance(info, inspect.UnionType)
    return st.one_of([_strategy(kind) for kind in info.types])


def _struct(info: inspect.Type) -> st.SearchStrategy[Any]:
    assert isinstance(info, inspect.StructType)
    fields = {field.encode_name: _strategy(field.type) for field in info.fields}
    if info.tag_field is not None:
        fields[info.tag_field] = st.just(info.tag)
    return st.fixed_dictionaries(fields)


_STRATEGIES: dict[type[inspect.Type], Callable[[inspect.Type], st.SearchStrategy[Any]]] = {
    inspect.StrType: _text,
    inspect.BytesType: _bytes,
    inspect.IntType: _integer,
    inspect.FloatType: lambda _: st.floats(),
    inspect.BoolType: lambda _: st.booleans(),
    inspect.NoneType: lambda _: st.none(),
    inspect.AnyType: lambda _: JUNK,
    inspect.ListType: _list,
    inspect.DictType: _dict,
    inspect.LiteralType: _literal,
    inspect.UnionType: _union,
    inspect.StructType: _struct,
}


def _strategy(info: inspect.Type) -> st.SearchStrategy[Any]:
    if isinstance(info, inspect.Metadata | inspect.CustomType):
        raise TypeError(f"wire structs hold no {info!r}")
    return st.deferred(lambda: _STRATEGIES[type(info)](info))
