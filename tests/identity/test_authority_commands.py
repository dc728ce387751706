"""Commands of operators that make the authorities of a department sign."""

import asyncio
from pathlib import Path

import pytest

from copconnect.app import command_line
from copconnect.auth_service.keys import authority
from copconnect.auth_service.keys.authority import CertificateAuthority
from copconnect.auth_service.keys.key_files import AuthorityMissing
from copconnect.clock import SystemClock
from copconnect.commands.options import settings_of
from tests.identity.commanding import begun, run, words


@pytest.fixture
def data(tmp_path: Path) -> str:
    return begun(tmp_path)


def test_a_new_incarnation_says_what_it_signed(data: str) -> None:
    result = run("admin", "new-incarnation", "--data", data)
    assert result.exit_code == 0, result.output
    assert "0 people, 0 conversations" in " ".join(result.output.split())


def test_the_roster_authority_is_replaced(data: str) -> None:
    """K12: by the root's key alone, and everything is signed again before anything is served."""
    keys = Path(data) / "keys"
    root, before = keys / "root.key.pem", CertificateAuthority(keys)
    refused = run("admin", "next-roster-authority", str(keys / "issuing.key.pem"), "--data", data)
    assert refused.exit_code == 1
    assert "is not the key of" in words(refused)
    result = run("admin", "next-roster-authority", str(root), "--data", data)
    assert "Department record 2 names the new roster authority." in words(result)
    assert "Signed anew" in words(result)
    after = CertificateAuthority(keys)
    assert after.roster.public_key != before.roster.public_key
    assert [one.authority_number for one in after.departments] == [0, 1]
    assert after.departments[-1].authority == after.roster.public_key
    # A server refuses to start while records lack the new authority's signature.
    authority.next_roster(keys, root, SystemClock().now_ms())
    with pytest.raises(AuthorityMissing, match="copconnect admin new-incarnation"):
        asyncio.run(_start(data))
    assert run("admin", "new-incarnation", "--data", data).exit_code == 0
    asyncio.run(_start(data))


async def _start(data: str) -> None:
    async with command_line(settings_of(Path(data))) as container:
        await container.auth.start()
        await container.auth.close()


def test_after_a_crash_replacing_the_roster_authority_goes_on(data: str) -> None:
    keys = Path(data) / "keys"
    root, former = keys / "root.key.pem", (keys / "roster-authority.key.pem").read_bytes()
    authority.next_roster(keys, root, SystemClock().now_ms())
    made = (keys / "roster-authority.key.pem").read_bytes()
    # As if it had crashed after the department record and the certificate.
    (keys / "roster-authority.key.pem").rename(keys / "roster-authority.key.pem.new")
    (keys / "roster-authority.key.pem").write_bytes(former)
    with pytest.raises(AuthorityMissing):
        CertificateAuthority(keys)
    assert run("admin", "next-roster-authority", str(root), "--data", data).exit_code == 0
    assert (keys / "roster-authority.key.pem").read_bytes() == made
    assert len(CertificateAuthority(keys).departments) == 2


def test_the_lowest_version_of_the_app_is_in_a_department_record(data: str) -> None:
    root = str(Path(data) / "keys" / "root.key.pem")
    assert run("admin", "lowest-app", "1.4", root, "--data", data).exit_code == 1
    result = run("admin", "lowest-app", "1.4.0", root, "--data", data)
    assert "Under department record 2 apps below 1.4.0 send nothing." in words(result)
    assert CertificateAuthority(Path(data) / "keys").departments[-1].lowest_app == (1, 4, 0)
    assert "app_required" in run("audit", "list", "--data", data).output
