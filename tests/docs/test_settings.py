"""docs/operations.md documents every setting, with its default."""

import re
from pathlib import Path

import msgspec
import pytest

from copconnect.settings import Settings, load

DOCS = Path(__file__).parents[2] / "docs"
ROW = re.compile(r"^\| `COPCONNECT_([A-Z_]+)` \| (.*?) \| .+ \|$", re.MULTILINE)


def test_every_setting_is_documented_with_its_default() -> None:
    documented = dict(ROW.findall((DOCS / "operations.md").read_text("utf-8")))
    fields = {field.name.upper(): field.default for field in msgspec.structs.fields(Settings)}
    assert set(documented) == set(fields)
    for name, default in fields.items():
        shown = str(default).lower() if isinstance(default, bool) else str(default)
        if shown:
            assert documented[name].strip("`") == shown, name
        else:
            assert "`" not in documented[name], name


def test_settings_come_from_the_environment() -> None:
    environment = {
        "COPCONNECT_PORT": "9000",
        "COPCONNECT_DATA_DIR": "/srv/cop",
        "OTHER": "x",
    }
    settings = load(environment, port=9001)
    assert (settings.port, settings.data_dir) == (9001, Path("/srv/cop"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "many"),
        ("PORT", "70000"),
        ("SECOND_FACTOR", "trust"),
        ("OTP_LENGTH", "0"),
        ("OTP_ATTEMPTS", "0"),
        ("CERTIFICATE_DAYS", "-1"),
        ("CERTIFICATE_DAYS", "20"),  # A third must not be less than a week.
        ("TRUSTED_PROXIES", "-1"),
    ],
)
def test_a_wrong_value_is_refused(name: str, value: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=rf"\$\.{name.lower()}"):
        load({f"COPCONNECT_{name}": value})
