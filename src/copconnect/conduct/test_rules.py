"""The code of conduct's texts: which are shipped, which are refused."""

import msgspec
import pytest

from copconnect import errors, wire
from copconnect.conduct import rules
from copconnect.conduct.service import shipped


def test_what_is_shipped_could_be_published() -> None:
    rules.check(shipped())


@pytest.mark.parametrize("text", ["", "- rule", "# T\n# T\n- r", "# T\ntext", "# T"])
def test_a_malformed_file_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="title"):
        rules.parse(text, "en")


def _with(language: str, **change: object) -> list[wire.ConductText]:
    return [
        msgspec.structs.replace(one, **change) if one.language == language else one
        for one in shipped()
    ]


TEN = ["rule"] * 10


@pytest.mark.parametrize(
    ("texts", "details"),
    [
        (shipped()[1:], {"language": "en", "reason": "missing"}),
        ([*shipped(), shipped()[2]], {"language": "ur", "reason": "twice"}),
        (_with("te", title=" "), {"language": "te", "reason": "title"}),
        (
            _with("hi", rules=[*TEN[:8], "\u2003", "r"]),
            {"language": "hi", "reason": "rule", "rule": 9},
        ),
        (_with("ur", rules=TEN[1:]), {"language": "ur", "reason": "rules", "rules": 10}),
    ],
)
def test_a_code_that_lacks_something_names_the_language(
    texts: list[wire.ConductText], details: dict[str, object]
) -> None:
    with pytest.raises(errors.ConductIncomplete) as refused:
        rules.check(texts)
    assert refused.value.details == details


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"rules": ["r"] * 1000}, "rules"),
        ({"rules": ["r" * 301]}, "rule"),
        ({"title": "t" * 101}, "title"),
    ],
)
def test_a_code_that_nobody_would_read_is_refused(change: dict[str, object], what: str) -> None:
    with pytest.raises(errors.ConductTooLong) as refused:
        rules.check(_with("te", **change))
    assert (refused.value.details["what"], refused.value.details["language"]) == (what, "te")
