"""A small force for the rules E0 and E4: its records by name, and judges that hold some of them.

Everything comes from names and dates, so each run makes the same bytes.
"""

import contextlib
import datetime
from collections.abc import Iterable, Sequence

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from spec.keys.reference import hpke
from spec.keys.reference.basics import ZEROS, Record, Refused
from spec.keys.reference.certificates import Certificate, read_certificate, spki_hash
from spec.keys.reference.making.story import START, seed, signing
from spec.keys.reference.people import (
    ADMIN,
    APPROVAL,
    DAY_MS,
    OWN_DEVICE,
    Department,
    Endorsement,
    Grant,
    PersonCard,
    PersonDevices,
    Revocation,
    Trust,
)

ROOT, ISSUER, AUTHORITY = "extra root", "extra issuing CA", "extra roster authority"
AUTHORITIES = (AUTHORITY, "extra next roster authority")

CITY = "telangana/hyderabad"
SOUTH, NORTH = f"{CITY}/south", f"{CITY}/north"
CHARMINAR = f"{SOUTH}/charminar"
# Each person's unit path, and the devices in the order of their registration.
PEOPLE: dict[str, tuple[str, str]] = {
    "R": ("telangana", "r1 r2"),
    "A": (CITY, "a1 a2"),
    "S": (SOUTH, "s1 s2"),
    "B": (CHARMINAR, "b1 b2 b3"),
    "C": (NORTH, "c1"),
    "D": (f"{CHARMINAR}/ps", "d1"),
    "E": (f"{CHARMINAR}/ps/desk", "e1"),
}


def day(number: float) -> int:
    """Return the start of a day; 0 is the day on which devices are judged."""
    return START + int(number * DAY_MS)


def person_id(name: str) -> bytes:
    """Return the id of a person ("A")."""
    return seed(f"extra person {name}", 16)


def public_key(name: str) -> bytes:
    """Return the public key of a signer's name."""
    return signing(name).public_key().public_bytes_raw()


class Force:
    """Makes records by name and keeps them; :meth:`trust` knows some of them."""

    def __init__(self) -> None:
        self.der: dict[str, bytes] = {}
        self.certificates: dict[str, Certificate] = {}
        self.records: dict[str, Record] = {}
        for person, (_, devices) in PEOPLE.items():
            for device in devices.split():
                self.certify(device, person, -60, 300)

    def certify(self, name: str, person: str, since: float, until: float) -> None:
        """Issue a device's certificate, valid between two days."""
        ids = (person_id(person).hex(), seed(f"extra client {name}", 16).hex())
        uri = x509.UniformResourceIdentifier(f"urn:copconnect:client:{ids[0]}:{ids[1]}")
        common = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ids[0])])
        builder = (
            x509.CertificateBuilder()
            .subject_name(common)
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ISSUER)]))
            .public_key(signing(name).public_key())
            .serial_number(int.from_bytes(seed(f"extra serial {name} {since}", 15), "big"))
            .not_valid_before(_date(since))
            .not_valid_after(_date(until))
            .add_extension(x509.SubjectAlternativeName([uri]), critical=False)
        )
        self.der[name] = builder.sign(signing(ISSUER), None).public_bytes(Encoding.DER)
        self.certificates[name] = read_certificate(self.der[name], (public_key(ISSUER),))

    def device(self, name: str) -> bytes:
        """Return the id of a device ("a1")."""
        return self.certificates[name].device

    def department(
        self,
        name: str,
        number: int,
        created: float,
        policy: int,
        admins: Iterable[str],
        authority: int = 0,
    ) -> None:
        """Sign a department record. ``authority``: the roster authority's number."""
        self.records[name] = Department(
            number=number,
            created=day(created),
            authority_number=authority,
            authority=public_key(AUTHORITIES[authority]),
            kem=hpke.X25519,
            policy=policy,
            lowest_app=(0, 0, 0),
            issuers=(spki_hash(public_key(ISSUER)),),
            admins=tuple(sorted(self.device(one) for one in admins)),
        ).sign(signing(ROOT))

    def card(
        self, name: str, person: str, number: int, created: float, path: str, authority: int = 0
    ) -> None:
        """Sign a person's card."""
        self.records[name] = PersonCard(
            person=person_id(person),
            number=number,
            created=day(created),
            names=(("Latn", person), ("Telu", "గుండు దామోదర్")),
            rank=(("Latn", "CI"),),
            post=(("Latn", "SHO"),),
            unit=(("Latn", path.rpartition("/")[2]),),
            path=path,
        ).sign(signing(AUTHORITIES[authority]))

    def devices(
        self,
        name: str,
        person: str,
        devices: str,
        after: str = "",
        created: float = -60,
        number: int = 0,
        authority: int = 0,
    ) -> None:
        """Sign a person's devices; ``after``: the record before."""
        former = self.records[after] if after else None
        assert former is None or isinstance(former, PersonDevices)
        self.records[name] = PersonDevices(
            person=person_id(person),
            number=number or (former.number + 1 if former else 1),
            previous=former.hash() if former else ZEROS,
            created=day(created),
            devices=tuple(self.device(one) for one in devices.split()),
        ).sign(signing(AUTHORITIES[authority]))

    def endorse(
        self, name: str, by: str, of: str, at: float, *, admin: bool = False, signer: str = ""
    ) -> None:
        """Endorse a device; ``signer``: whose key signs instead."""
        self.records[name] = Endorsement(
            endorsed=self.device(of),
            endorser=self.device(by),
            kind=ADMIN if admin else OWN_DEVICE,
            created=day(at),
        ).sign(signing(signer or by))

    def grant(self, name: str, by: str, to: str, path: str, at: float, days: float = 180) -> None:
        """Grant a path to a person; ``days=0`` withdraws."""
        self.records[name] = Grant(
            grantor=self.device(by),
            person=person_id(to),
            created=day(at),
            not_after=day(at + days),
            path=path,
        ).sign(signing(by))

    def revoke(
        self,
        name: str,
        by: str,
        of: str,
        at: float,
        lost: float,
        standing: Sequence[str] = (),
        authority: int = 0,
    ) -> None:
        """Revoke a device; ``by=""``: the roster authority. ``standing``: names of records."""
        self.records[name] = Revocation(
            device=self.device(of),
            lost=day(lost),
            created=day(at),
            signer=self.device(by) if by else ZEROS,
            standing=tuple(sorted(self.records[one].hash() for one in standing)),
        ).sign(signing(by or AUTHORITIES[authority]))

    def trust(self, names: Iterable[str]) -> Trust:
        """Return a judge that holds these records and all certificates. A record that is refused
        alone is left out."""
        found = Trust(public_key(ROOT), {one.device: [one] for one in self.certificates.values()})
        records = [self.records[name] for name in names]
        first = [one for one in records if isinstance(one, Department)]
        for record in (*first, *(one for one in records if one not in first)):
            with contextlib.suppress(Refused):
                found.add(record)
        return found


def _date(number: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(day(number) // 1000, datetime.UTC)


BASE = (
    *("department 1", "department 2"),
    *(f"devices {person}" for person in PEOPLE),
    *(f"card {person}" for person in PEOPLE),
    *("r1 a1", "r1 A", "a1 s1", "a1 S", "s1 b1", "b1 b2"),
)


def base_force() -> Force:
    """A force under policy approval with a chain of two grants; records are named by who and whom.

    r1 is the root admin's. It endorses a1 and grants A the city; a1 endorses s1 and grants S the
    south; s1 endorses b1; b1 endorses its person's second phone b2.
    """
    force = Force()
    force.department("department 1", 1, -60, APPROVAL, ())
    force.department("department 2", 2, -50, APPROVAL, ["r1"])
    for person, (path, devices) in PEOPLE.items():
        force.devices(f"devices {person}", person, devices)
        force.card(f"card {person}", person, 1, -60, path)
    force.endorse("r1 a1", "r1", "a1", -40, admin=True)
    force.grant("r1 A", "r1", "A", CITY, -39)
    force.endorse("a1 s1", "a1", "s1", -38, admin=True)
    force.grant("a1 S", "a1", "S", SOUTH, -37)
    force.endorse("s1 b1", "s1", "b1", -36, admin=True)
    force.endorse("b1 b2", "b1", "b2", -35)
    return force
