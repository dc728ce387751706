"""The name of an answer about a person. client/test/trust/people-trust.test.ts has the same one."""

from copconnect.records.trust.naming import name_of

_NAME = "18d79cb747ea174c59f3a3b41768672526d56fecc58360a99d283d0f9b0a3cc0"


def test_a_name_is_that_of_the_records_in_any_order() -> None:
    assert name_of([b"b", b"a", b"b"]).hex() == _NAME
    assert name_of([b"a", b"b"]) == name_of([b"b", b"a"])
    assert name_of([b"a"]) != name_of([b"a", b"b"])
