"""docs/operations.md documents every setting, with its default."""

import re
from pathlib import Path

import msgspec
import pytest

from copconnect.settings import Settings, WrongSettings, load

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
    ("name", "value", "choices"),
    [
        ("PORT", "many", "a whole number from 1 to 65535"),
        ("PORT", "70000", "a whole number from 1 to 65535"),
        ("SECOND_FACTOR", "trust", "none or enrolment_code"),
        ("OTP_LENGTH", "0", "a whole number from 4 to 10"),
        ("OTP_ATTEMPTS", "0", "a whole number, 1 or more"),
        # A third must not be less than a week.
        ("CERTIFICATE_DAYS", "20", "a whole number, 21 or more"),
        ("TRUSTED_PROXIES", "-1", "a whole number, 0 or more"),
        ("KEM", "rsa", "x25519 or x-wing"),
    ],
)
def test_a_wrong_value_is_refused_with_its_variable_and_its_choices(
    name: str, value: str, choices: str
) -> None:
    with pytest.raises(WrongSettings) as refused:
        load({f"COPCONNECT_{name}": value})
    assert refused.value.args == (
        f'COPCONNECT_{name} takes {choices}. The value "{value}" is wrong.',
    )


@pytest.mark.parametrize(
    ("name", "value", "choices"),
    [
        ("DATABASE_URL", "postgresql://cop:secret@db/cop", "postgresql+asyncpg://user:password"),
        ("BUS_URL", "bus:6222", "nats://host:4222"),
        ("BLOB_URL", "/var/blobs", "file:///folder"),
        ("SMS_GATEWAY_URL", "sms.example", "https://"),
        ("MAP_TILES_URL", "tiles", "https://"),
    ],
)
def test_a_wrong_url_is_refused_and_not_repeated(name: str, value: str, choices: str) -> None:
    with pytest.raises(WrongSettings) as refused:
        load({f"COPCONNECT_{name}": value})
    (sentence,) = refused.value.args
    assert f"COPCONNECT_{name} takes" in sentence
    assert choices in sentence
    assert value not in sentence


def test_every_wrong_setting_is_named_at_once() -> None:
    with pytest.raises(WrongSettings) as refused:
        load({"COPCONNECT_PORT": "0", "COPCONNECT_KEM": "", "COPCONNECT_SMS_GATEWY_URL": "x"})
    assert [sentence.split()[0] for sentence in refused.value.args] == [
        "COPCONNECT_PORT",
        "COPCONNECT_KEM",
        "COPCONNECT_SMS_GATEWY_URL",
    ]
    assert "Is COPCONNECT_SMS_GATEWAY_URL meant?" in refused.value.args[2]


def test_a_variable_that_resembles_no_setting_is_left_alone() -> None:
    assert load({"COPCONNECT_CHROMIUM": "/usr/bin/chromium"}) == Settings()
