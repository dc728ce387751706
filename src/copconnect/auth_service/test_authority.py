"""The certificate authority's files."""

from pathlib import Path

import pytest

from copconnect.auth_service import authority

NOW = 1_800_000_000_000


def test_keys_belong_to_their_owner_alone(tmp_path: Path) -> None:
    keys = tmp_path / "data" / "keys"
    authority.create(keys, "Test Police", NOW)
    for path in keys.iterdir():
        secret = "key" in path.name or path.suffix == ".bin"
        assert path.stat().st_mode & 0o777 == (0o600 if secret else 0o644)
    assert keys.stat().st_mode & 0o777 == 0o700
    assert keys.parent.stat().st_mode & 0o777 == 0o700


def test_an_authority_is_never_overwritten(tmp_path: Path) -> None:
    authority.create(tmp_path / "keys", "Test Police", NOW)
    before = {path.name: path.read_bytes() for path in (tmp_path / "keys").iterdir()}
    with pytest.raises(FileExistsError):
        authority.create(tmp_path / "keys", "Test Police", NOW)
    assert before == {path.name: path.read_bytes() for path in (tmp_path / "keys").iterdir()}


def test_serving_needs_no_root_key(tmp_path: Path) -> None:
    authority.create(tmp_path / "keys", "Test Police", NOW)
    (tmp_path / "keys" / authority.ROOT_KEY).unlink()
    loaded = authority.CertificateAuthority(tmp_path / "keys")
    issued = loaded.issue("a" * 32, "b" * 32, bytes(range(32)), NOW, 90)
    assert issued.not_after_ms - issued.not_before_ms == 90 * 24 * 3_600_000 + 3_600_000


def test_an_incomplete_folder_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(authority.AuthorityMissing, match="copconnect init"):
        authority.CertificateAuthority(tmp_path)
    authority.create(tmp_path / "keys", "Test Police", NOW)
    (tmp_path / "keys" / authority.ROSTER_KEY).unlink()
    with pytest.raises(authority.AuthorityMissing, match=r"roster-authority\.key\.pem"):
        authority.CertificateAuthority(tmp_path / "keys")


def test_serials_do_not_repeat(tmp_path: Path) -> None:
    authority.create(tmp_path / "keys", "Test Police", NOW)
    loaded = authority.CertificateAuthority(tmp_path / "keys")
    serials = {loaded.issue("a" * 32, "b" * 32, bytes(32), NOW, 1).serial for _ in range(50)}
    assert len(serials) == 50
    assert {len(serial) for serial in serials} == {32}
