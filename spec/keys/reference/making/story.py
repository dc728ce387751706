"""The story of ``vectors_*.json`` (README.md): a department, its people and one conversation.

Every secret, id and time comes from :func:`seed`, so each run makes the same bytes.
"""

import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from spec.keys.reference import hpke, keys, messages, people, roster
from spec.keys.reference.basics import ZEROS, H
from spec.keys.reference.certificates import read_certificate, spki_hash
from spec.keys.reference.merkle import merkle_root
from spec.keys.reference.people import DAY_MS, MINUTE_MS

START = 1_790_000_000_000
NOW = START + 25 * MINUTE_MS
TEXTS = {
    "1": '{"state": 1, "name": "Bandobast, South Zone"}',
    "2 refused": "Bandobast at Charminar from 16:00.",
    "2": "Bandobast at Charminar from 16:00.",
    "3": "శుభోదయం",
}
CITY, SOUTH = "telangana/hyderabad", "telangana/hyderabad/south"
UNITS = {
    "A": SOUTH,
    "B": f"{SOUTH}/charminar",
    "C": f"{SOUTH}/charminar/charminar-ps",
    "R": "telangana",
}
# Each device: its person, and how many days before the start its certificate begins.
DEVICES = {"a": ("A", 30), "b": ("A", 20), "c": ("B", 20), "d": ("C", 20), "r": ("R", 60),
           "x": ("B", 60), "y": ("C", 60)}  # fmt: skip
REGISTERED = {"A": "ab", "B": "xc", "C": "yd", "R": "r"}  # Each person's devices, in their order.


def seed(name: str, size: int = 32) -> bytes:
    return H(b"copconnect vector " + name.encode())[:size]


def signing(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(seed(f"signature key {name}"))


def raw(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def minute(count: float) -> int:
    return START + int(count * MINUTE_MS)


def days_ago(count: int) -> int:
    return START - count * DAY_MS


def certificate(
    name: str, issuer: Ed25519PrivateKey, key: Ed25519PrivateKey | None = None
) -> bytes:
    person, begun = DEVICES[name]
    start = datetime.datetime.fromtimestamp(days_ago(begun) // 1000, datetime.UTC)

    def common(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    ids = (seed(f"person {person}", 16).hex(), seed(f"client {name}", 16).hex())
    uri = x509.UniformResourceIdentifier(f"urn:copconnect:client:{ids[0]}:{ids[1]}")
    return (
        x509.CertificateBuilder()
        .subject_name(common(ids[0]))
        .issuer_name(common("Vector Issuing CA 1"))
        .public_key((key or signing(name)).public_key())
        .serial_number(int.from_bytes(seed("serial " + name, 15), "big"))
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=90))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([uri]), critical=False)
        .sign(issuer, None)
        .public_bytes(Encoding.DER)
    )


class World:
    """The department, its people and devices, and one conversation with three roster epochs."""

    def __init__(self, kem: int) -> None:
        self.kem = kem
        self.make_people()
        self.make_roster()
        self.make_keys()
        self.make_messages()

    def make_people(self) -> None:
        self.root, self.issuer = signing("offline root"), signing("issuing CA")
        self.authority = signing("roster authority")
        self.people = {name: seed(f"person {name}", 16) for name in UNITS}
        self.der = {n: certificate(n, self.issuer) for n in DEVICES}
        issuing = (raw(self.issuer),)
        self.certificate = {n: read_certificate(der, issuing) for n, der in self.der.items()}
        self.id = {n: one.device for n, one in self.certificate.items()}
        self.department = people.Department(
            number=2,
            created=days_ago(40),
            authority_number=0,
            authority=raw(self.authority),
            kem=hpke.X25519,
            policy=people.NONE,
            lowest_app=(1, 2, 3),
            issuers=(spki_hash(raw(self.issuer)),),
            admins=(self.id["r"],),
        ).sign(self.root)
        self.cards = {
            name: people.PersonCard(
                person=person,
                number=4,
                created=days_ago(39),
                names=(("Latn", f"Gundu Damodar {name}"), ("Telu", "గుండు దామోదర్")),
                rank=(("Latn", "Circle Inspector"), ("Telu", "సర్కిల్ ఇన్స్పెక్టర్")),
                post=(("Latn", "SHO, Charminar PS"),),
                unit=(("Latn", "Charminar PS"), ("Telu", "చార్మినార్ పి.ఎస్.")),
                path=UNITS[name],
            ).sign(self.authority)
            for name, person in self.people.items()
        }
        self.grants = {
            n: people.Grant(
                grantor=self.id[by],
                person=self.people[to],
                created=days_ago(at),
                not_after=days_ago(at - 180),
                path=path,
            ).sign(signing(by))
            for n, by, to, at, path in (("1", "r", "A", 25, CITY), ("2", "a", "B", 10, SOUTH))
        }
        self.endorsements = {
            n: people.Endorsement(
                endorsed=self.id[n], endorser=self.id[by], kind=kind, created=at
            ).sign(signing(by))
            for n, by, kind, at in (
                ("b", "a", people.OWN_DEVICE, days_ago(19)),
                ("c", "a", people.ADMIN, days_ago(18)),
                ("d", "c", people.ADMIN, minute(5)),
            )
        }
        self.revocations = {
            n: people.Revocation(
                device=self.id[n], lost=at, created=at, signer=self.id["r"], standing=()
            ).sign(signing("r"))
            for n, at in (("x", days_ago(21)), ("y", minute(2)))
        }
        self.person_devices = {
            name: people.PersonDevices(
                person=self.people[name],
                number=1,
                previous=ZEROS,
                created=days_ago(20),
                devices=tuple(self.id[n] for n in registered),
            ).sign(self.authority)
            for name, registered in REGISTERED.items()
        }
        self.device_seed = {n: seed(f"device key {n} {self.kem:04x}") for n in "abcd"}
        self.device = {n: self.make_device_key(n) for n in "abcd"}

    def make_device_key(self, name: str, generation: int = 3) -> keys.DeviceKey:
        return keys.DeviceKey(
            kem=self.kem,
            device=self.id[name],
            generation=generation,
            created=days_ago(1),
            pk=hpke.public_bytes(self.kem, self.device_seed[name]),
        ).sign(signing(name))

    def make_roster(self) -> None:
        self.conversation = seed("conversation", 16)
        self.cells = sorted(seed(f"cell {i}", 16) for i in (1, 2))
        leaf = {
            n: roster.Leaf(
                self.cells[n in "cd"],
                self.people[DEVICES[n][0]],
                self.id[n],
                minute(10) if n == "d" else days_ago(7),
                roster.MAY_SEND | (roster.MAY_ADMINISTER if n == "a" else 0),
            )
            for n in "abcd"
        }
        self.heads: dict[int, roster.RosterHead] = {}
        self.leaves: dict[tuple[int, str], bytes] = {}
        previous = ZEROS
        # The listed devices; the rekey_epoch of the head, of cell 1, of cell 2.
        listed = {1: ("abc", 0, 0, 0), 2: ("abcd", 2, 0, 2), 3: ("acd", 3, 3, 2)}
        for epoch, (names, rekey, *cells) in listed.items():
            leaves = [leaf[n] for n in names]
            lines = roster.cell_lines(leaves, dict(zip(self.cells, cells, strict=True)))
            self.heads[epoch] = roster.RosterHead(
                conversation=self.conversation,
                epoch=epoch,
                previous=previous,
                kem=self.kem,
                rekey_epoch=rekey,
                latest_history_from=max(one.history_from for one in leaves),
                created=minute(10 * epoch - 10),
                devices=len(names),
                root=merkle_root([roster.leaf_hash(one) for one in lines]),
            ).sign(self.authority)
            previous = self.heads[epoch].hash()
            self.leaves |= {(epoch, n): roster.prove(leaves, lines, leaf[n]) for n in names}
        self.stamps = {
            epoch: roster.HeadStamp(
                conversation=self.conversation, head=self.heads[epoch].hash(), time=at
            ).sign(self.authority)
            for epoch, at in ((2, minute(11)), (3, minute(24)))
        }

    def make_keys(self) -> None:
        self.secrets = {n: seed(f"conversation key {n}") for n in "12"}
        self.records = {
            n: keys.ConversationKey(
                conversation=self.conversation,
                author=self.id[author],
                epoch=epoch,
                head=self.heads[epoch].hash(),
                created=minute(at),
                commit=keys.commitment("key", self.secrets[n], self.conversation),
            ).sign(signing(author))
            for n, author, epoch, at in (("1", "a", 1, 1), ("2", "c", 3, 22))
        }
        self.cell_secret = {n: seed(f"cell key {n}") for n in "12"}
        self.cell_key = {"1": self.make_cell_key("1", "a", 3), "2": self.make_cell_key("2", "c", 2)}

    def make_cell_key(self, name: str, author: str, epoch: int) -> keys.CellKey:
        secret, cell = self.cell_secret[name], self.cells[int(name) - 1]
        return keys.CellKey(
            kem=self.kem,
            conversation=self.conversation,
            cell=cell,
            epoch=epoch,
            generation=1,
            head=self.heads[epoch].hash(),
            author=self.id[author],
            created=minute(10 * epoch - 9),
            commit=keys.commitment("cell", secret, self.conversation + cell),
            pk=hpke.public_bytes(self.kem, hpke.derived_seed(self.kem, secret)),
        ).sign(signing(author))

    def make_messages(self) -> None:
        self.messages: dict[str, bytes] = {}
        self.log = [ZEROS]
        previous = {"a": ZEROS, "c": ZEROS}
        for name, sender, seq, attempt, key, epoch, at, kind in (
            ("1", "a", 1, 1, "1", 1, 2, messages.KEPT),
            ("2 refused", "a", 2, 1, "1", 1, 12, messages.PLAIN),
            ("2", "a", 2, 2, "2", 3, 23, messages.PLAIN),
            ("3", "c", 1, 1, "2", 3, 24, messages.DELETION),
        ):
            marked = seed("message 2", 16) if kind == messages.DELETION else messages.NOTHING
            draft = messages.Header(
                conversation=self.conversation,
                message=seed(f"message {name[0]}", 16),
                kind=kind,
                marked=marked,
                sender=self.id[sender],
                seq=seq,
                attempt=attempt,
                previous=previous[sender],
                key=self.records[key].hash(),
                epoch=epoch,
                head=self.heads[epoch].hash(),
                log_position=len(self.log) - 1,
                log_hash=self.log[-1],
                sent=minute(at),
                commit=ZEROS,
                body=ZEROS,
            )
            text = TEXTS[name].encode()
            message = messages.seal_message(draft, self.secrets[key], text, signing(sender))
            self.messages[name] = message
            if name != "2 refused":
                self.log.append(messages.next_log_hash(self.log[-1], message))
                previous[sender] = self.header(name).hash()

    def header(self, name: str) -> messages.Header:
        return messages.parse_message(self.messages[name], self.conversation)[0]
