"""The certificate authority's files."""

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from copconnect.auth_service.keys import authority, department_files
from copconnect.auth_service.keys.key_files import AuthorityMissing, load_key, write_once
from copconnect.records.primitives.kem import XWING
from copconnect.records.trust.department import Department, Policy
from copconnect.records.trust.device import spki_hash

NOW = 1_800_000_000_000
RAW = Ed25519PrivateKey.generate().public_key().public_bytes_raw()


def test_keys_belong_to_their_owner_alone(tmp_path: Path) -> None:
    keys = tmp_path / "data" / "keys"
    authority.create(keys, "Test Police", NOW, Policy.APPROVAL, XWING)
    for path in keys.iterdir():
        secret = "key" in path.name or path.suffix == ".bin"
        assert path.stat().st_mode & 0o777 == (0o600 if secret else 0o644)
    assert keys.stat().st_mode & 0o777 == 0o700
    assert keys.parent.stat().st_mode & 0o777 == 0o700


def test_an_authority_is_never_overwritten(tmp_path: Path) -> None:
    authority.create(tmp_path / "keys", "Test Police", NOW, Policy.APPROVAL, XWING)
    before = {path.name: path.read_bytes() for path in (tmp_path / "keys").iterdir()}
    with pytest.raises(FileExistsError):
        authority.create(tmp_path / "keys", "Test Police", NOW, Policy.APPROVAL, XWING)
    assert before == {path.name: path.read_bytes() for path in (tmp_path / "keys").iterdir()}


def test_serving_needs_no_root_key(tmp_path: Path) -> None:
    authority.create(tmp_path / "keys", "Test Police", NOW, Policy.APPROVAL, XWING)
    (tmp_path / "keys" / authority.ROOT_KEY).unlink()
    loaded = authority.CertificateAuthority(tmp_path / "keys")
    issued = loaded.issue("a" * 32, "b" * 32, RAW, NOW, 90)
    assert issued.not_after_ms == NOW + 90 * 24 * 3_600_000
    made = x509.load_der_x509_certificate(issued.der)
    assert made.not_valid_before_utc.timestamp() * 1000 == NOW - authority.BACKDATE_MS


def test_an_incomplete_folder_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(AuthorityMissing, match="copconnect init"):
        authority.CertificateAuthority(tmp_path)
    authority.create(tmp_path / "keys", "Test Police", NOW, Policy.APPROVAL, XWING)
    (tmp_path / "keys" / authority.ROSTER_KEY).unlink()
    with pytest.raises(AuthorityMissing, match=r"roster-authority\.key\.pem"):
        authority.CertificateAuthority(tmp_path / "keys")


def test_the_next_issuing_ca_takes_over_and_the_former_stays(tmp_path: Path) -> None:
    keys, offline = tmp_path / "keys", tmp_path / "root.key.pem"
    authority.create(keys, "Test Police", NOW, Policy.APPROVAL, XWING)
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
    # A record of the root's for each: the issuing CAs of all before stay in it.
    records = after.departments
    assert [one.number for one in records] == [1, 2, 3]
    assert [len(one.issuers) for one in records] == [1, 2, 3]
    assert {spki_hash(key) for key in after.issuing_keys} == set(records[-1].issuers)
    assert (records[-1].policy, records[-1].kem) == (Policy.APPROVAL, XWING)
    for one in records:
        one.check(after.root_key)


def test_an_issuing_ca_that_a_crash_left_half_made_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = tmp_path / "keys"
    authority.create(keys, "Test Police", NOW, Policy.APPROVAL, XWING)
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
    with pytest.raises(AuthorityMissing, match="next-issuing-ca"):
        authority.CertificateAuthority(keys)
    name = authority.next_issuing(keys, keys / authority.ROOT_KEY, NOW)
    assert name == "Test Police Issuing CA 2"
    assert len(authority.CertificateAuthority(keys).issuing) == 2


def test_another_key_makes_no_issuing_ca(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    authority.create(keys, "Test Police", NOW, Policy.APPROVAL, XWING)
    with pytest.raises(AuthorityMissing, match="is not the key of"):
        authority.next_issuing(keys, keys / authority.ROSTER_KEY, NOW)
    assert len(authority.CertificateAuthority(keys).issuing) == 1


def test_serials_do_not_repeat(tmp_path: Path) -> None:
    authority.create(tmp_path / "keys", "Test Police", NOW, Policy.APPROVAL, XWING)
    loaded = authority.CertificateAuthority(tmp_path / "keys")
    issued = [loaded.issue("a" * 32, "b" * 32, RAW, NOW, 1).der for _ in range(50)]
    serials = {x509.load_der_x509_certificate(der).serial_number for der in issued}
    assert len(serials) == 50
    assert all(serial.bit_length() == 127 for serial in serials)


def test_department_record_1_is_the_roots_and_names_no_admin(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    authority.create(keys, "Test Police", NOW, Policy.NONE, XWING)
    loaded = authority.CertificateAuthority(keys)
    (record,) = loaded.departments
    record.check(loaded.root_key)
    assert (record.number, record.policy, record.admins) == (1, Policy.NONE, ())
    assert record.authority == loaded.roster.public_key


def test_a_department_record_that_the_root_did_not_sign_is_refused(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    authority.create(keys, "Test Police", NOW, Policy.APPROVAL, XWING)
    before = authority.CertificateAuthority(keys).departments[0]
    with pytest.raises(AuthorityMissing):  # It is not the key that signed record 1.
        department_files.write_next(keys, load_key(keys / authority.ROSTER_KEY), NOW, admins=[])
    forged = Department(
        number=2,
        created=NOW + 1,
        authority_number=before.authority_number,
        authority=before.authority,
        kem=before.kem,
        policy=before.policy,
        lowest_app=before.lowest_app,
        issuers=before.issuers,
        admins=(bytes(32),),
    ).signed(load_key(keys / authority.ISSUING_KEY))
    write_once(keys / "department-2.record", forged.encode(), 0o644)
    with pytest.raises(AuthorityMissing, match="department-2"):
        authority.CertificateAuthority(keys)


def test_a_folder_without_its_department_record_does_not_serve(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    authority.create(keys, "Test Police", NOW, Policy.APPROVAL, XWING)
    (keys / "department-1.record").unlink()
    with pytest.raises(AuthorityMissing, match="department record"):
        authority.CertificateAuthority(keys)
