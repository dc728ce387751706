"""The data folder: whose it is, who else may read it, whether the root's key is away from it."""

import os
import pwd
import shutil
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from copconnect.auth_service.keys import authority
from copconnect.auth_service.keys.authority import CertificateAuthority
from copconnect.auth_service.keys.key_files import AuthorityMissing
from copconnect.doctor.findings import Finding, failure, ok, warning
from copconnect.http import web_assets

DAYS_NOTED = 365  # Before the issuing CA ends.
FREE_NOTED = 0.15
FREE_NEEDED = 0.03
_LARGEST_KEY_FILE = 64 * 1024
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def owner_of(folder: Path) -> str:
    """Return the name of the account that a folder belongs to."""
    uid = folder.stat().st_uid
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def account(folder: Path) -> Finding:
    """Does this command run as the account of the server?"""
    if not folder.is_dir():
        remedy = "Run `copconnect init`, or name the folder: --data, COPCONNECT_DATA_DIR."
        return failure("account", f"There is no data folder {folder.absolute()}.", remedy)
    owner = owner_of(folder)
    if folder.stat().st_uid != os.geteuid():
        words = f"{folder.absolute()} belongs to {owner}, and this command runs as another account."
        remedy = (
            f"Run commands as {owner}: files that another account makes in the folder stop the "
            f"server. `sudo -u {owner} copconnect …`"
        )
        return failure("account", words, remedy)
    return ok("account", f"The data folder {folder.absolute()} belongs to this account, {owner}.")


def permissions(folder: Path) -> Finding:
    """May another account of this machine read keys, database or blobs?"""
    loose = sorted(str(path.relative_to(folder)) for path in _readable_by_others(folder))
    if loose:
        named = ", ".join(loose[:5]) + (f" and {len(loose) - 5} more" if len(loose) > 5 else "")
        words = f"Other accounts of this machine may read {named} in {folder.absolute()}."
        remedy = f"chmod -R go= {folder.absolute()}"
        return failure("permissions", words, remedy)
    return ok("permissions", "No other account may read keys, database or blobs.")


def _readable_by_others(folder: Path) -> Iterator[Path]:
    """Yield what others may reach. A closed folder guards all that is in it."""
    if not folder.stat().st_mode & _OTHERS:
        return
    for path in folder.iterdir():
        public = path.suffix == ".record" or (
            path.suffix == ".pem" and not path.name.endswith(".key.pem")
        )
        if path.is_dir() and not path.is_symlink():
            yield from _readable_by_others(path)
        elif not public and path.stat().st_mode & _OTHERS:
            yield path


def keys(folder: Path, now_ms: int) -> tuple[CertificateAuthority | None, list[Finding]]:
    """Is there a whole certificate authority, and how long does it last?"""
    try:
        loaded = CertificateAuthority(folder / "keys")
    except (AuthorityMissing, ValueError, OSError) as error:
        remedy = "Run `copconnect init` for a new department, or restore the folder of keys."
        return None, [failure("keys", f"The keys cannot be used: {error}.", remedy)]
    issuing = x509.load_pem_x509_certificate((folder / "keys" / authority.ISSUING).read_bytes())
    roster = x509.load_der_x509_certificate(loaded.roster_certificate)
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    ends = min(issuing.not_valid_after_utc, roster.not_valid_after_utc)
    days = (ends - now).days
    if days < 0 or issuing.not_valid_before_utc > now:
        words = f"The department's certificates do not hold today; they end on {ends:%Y-%m-%d}."
        remedy = "See whether the clock is right; else `copconnect admin next-issuing-ca`."
        return loaded, [failure("keys", words, remedy)]
    if days < DAYS_NOTED:
        words = f"A certificate of {loaded.department} ends in {days} days."
        remedy = "Make the next issuing CA in time: `copconnect admin next-issuing-ca`."
        return loaded, [warning("keys", words, remedy)]
    words = f"The keys of {loaded.department} are whole; the certificates last until {ends:%Y-%m}."
    return loaded, [ok("keys", words)]


def offline_root(folder: Path, root_key: bytes) -> Finding:
    """Is the root's private key away from this machine? Every file of the folder is looked at,
    whatever it is called."""
    found = [
        str(path.relative_to(folder)) for path in _small_files(folder) if _holds(path, root_key)
    ]
    if found:
        words = f"The root's private key is on this server: {', '.join(sorted(found))}."
        remedy = (
            "Copy it to two offline media, put them into two safes, and delete it here "
            "(`shred -u`). The server never needs it; whoever copies it can become any officer."
        )
        return failure("offline root", words, remedy)
    return ok("offline root", "The root's private key is not in the data folder.")


def _small_files(folder: Path) -> Iterator[Path]:
    for base, folders, names in os.walk(folder):
        if Path(base) == folder:
            # Ciphertext, by the million.
            folders[:] = [name for name in folders if name != "blobs"]
        for name in names:
            path = Path(base) / name
            if not path.is_symlink() and path.stat().st_size <= _LARGEST_KEY_FILE:
                yield path


def _holds(path: Path, public_key: bytes) -> bool:
    """Return whether a file has the private key of a public one, as PEM."""
    try:
        content = path.read_bytes()
    except OSError:
        return False
    if b"PRIVATE KEY-----" not in content:
        return False
    try:
        key = serialization.load_pem_private_key(content, password=None)
    except (ValueError, TypeError):
        return False
    raw = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    try:
        return key.public_key().public_bytes(*raw) == public_key
    except ValueError:
        return False  # The key is of another kind than Ed25519.


def space(folder: Path) -> Finding:
    """Is there room on the disk of the data folder?"""
    usage = shutil.disk_usage(folder)
    share = usage.free / usage.total
    words = (
        f"{usage.free / 1024**3:,.1f} GiB ({share:.0%}) are free on the disk of the data folder."
    )
    remedy = "Make room: a full disk takes no messages (`storage_full`)."
    if share < FREE_NEEDED:
        return failure("disk", words, remedy)
    if share < FREE_NOTED:
        return warning("disk", words, remedy)
    return ok("disk", words)


def web_app(folder: Path = web_assets.FOLDER) -> Finding:
    """Does this installation have the app that officers open?"""
    if (folder / "index.html").is_file():
        return ok("web app", "The web app is in this installation.")
    words = "This installation has no web app: officers would see an empty page."
    return failure("web app", words, "Install a wheel that `make wheel` built.")
