"""The code of conduct's files."""

import pytest

from copconnect.conduct import rules
from copconnect.conduct.service import LANGUAGES, load_codes


def test_every_language_has_the_same_rules() -> None:
    codes = load_codes()
    assert set(codes) == set(LANGUAGES)
    assert len({len(code.rules) for code in codes.values()}) == 1
    for language, code in codes.items():
        assert code.language == language
        assert all(1 < len(rule) < 200 for rule in code.rules)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# Title\n- rule",
        "version: 1\n- rule",
        "version: 1\n# T\n# T\n- r",
        "version: 1\n# T\ntext",
    ],
)
def test_a_malformed_file_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"version|title"):
        rules.parse(text, "en")
