"""The certificate authority's files."""

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from copconnect.auth_service import authority

NOW = 1_800_000_000_000
RAW = Ed25519PrivateKey.generate().public_key().public_bytes_raw()


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


def test_the_next_issuing_ca_takes_over_and_the_former_stays(tmp_path: Path) -> None:
    keys, offline = tmp_path / "keys", tmp_path / "root.key.pem"
    authority.create(keys, "Test Police", NOW)
    (keys / authority.ROOT_KEY).rename(offline)
    before = authority.CertificateAuthority(keys)
    for number in (2, 3):
        assert authority.next_issuing(keys, offline, NOW) == f"Test Police Issuing CA {number}"
        after = authority.CertificateAuthority(keys)
        assert len(after.issuing) == number
        assert set(before.issuing) <= set(after.issuing)
        before = after
    root = x509.load_der_x509_certificate(after.root)
    issuers = [x509.load_der_x509_certificate(der) for der in after.issuing]
    for issuer in issuers:
        issuer.verify_directly_issued_by(root)
    issued = x509.load_der_x509_certificate(after.issue("a" * 32, "b" * 32, RAW, NOW, 90).der)
    newest = [issuer for issuer in issuers if issuer.subject == issued.issuer]
    issued.verify_directly_issued_by(newest[0])
    crl = x509.load_der_x509_crl(after.crl([("ab", NOW)], 1, NOW))
    assert crl.is_signature_valid(newest[0].public_key())  # type: ignore[arg-type]


def test_an_issuing_ca_that_a_crash_left_half_made_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = tmp_path / "keys"
    authority.create(keys, "Test Police", NOW)
    replace, calls = Path.replace, 0

    def crash(path: Path, target: Path) -> Path:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise OSError("the power is cut")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", crash)
    with pytest.raises(OSError, match="power"):
        authority.next_issuing(keys, keys / authority.ROOT_KEY, NOW)
    with pytest.raises(authority.AuthorityMissing, match="next-issuing-ca"):
        authority.CertificateAuthority(keys)
    name = authority.next_issuing(keys, keys / authority.ROOT_KEY, NOW)
    assert name == "Test Police Issuing CA 2"
    assert len(authority.CertificateAuthority(keys).issuing) == 2


def test_another_key_makes_no_issuing_ca(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    authority.create(keys, "Test Police", NOW)
    with pytest.raises(authority.AuthorityMissing, match="is not the key of"):
        authority.next_issuing(keys, keys / authority.ROSTER_KEY, NOW)
    assert len(authority.CertificateAuthority(keys).issuing) == 1


def test_serials_do_not_repeat(tmp_path: Path) -> None:
    authority.create(tmp_path / "keys", "Test Police", NOW)
    loaded = authority.CertificateAuthority(tmp_path / "keys")
    serials = {loaded.issue("a" * 32, "b" * 32, bytes(32), NOW, 1).serial for _ in range(50)}
    assert len(serials) == 50
    assert {len(serial) for serial in serials} == {32}
