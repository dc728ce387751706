"""Certificates: signed, and as a PDF with a QR code. Only for a course that the server has as
completed."""

import asyncio
from datetime import datetime
from importlib.resources import as_file, files

import segno
import typst

from copconnect import errors, wire
from copconnect.clock import INDIA
from copconnect.database.engine import Database
from copconnect.principals import Caller
from copconnect.records.primitives.signed import RosterSigner
from copconnect.training import store
from copconnect.training.certificate_words import CRITERIA, WORDS
from copconnect.training.credential import Facts, did_key, signed
from copconnect.training.ports import TrainingDirectory
from copconnect.training.verify_page import VerifyPage
from copconnect.training.workbook import spelled


class Certificates:
    """Makes certificates."""

    def __init__(
        self,
        database: Database,
        people: TrainingDirectory,
        signer: RosterSigner,
        department: str,
        public_url: str,
    ) -> None:
        """``public_url``: the address that officers open, without a slash at its end."""
        self._database = database
        self._people = people
        self._signer = signer
        self._department = department
        self._address = f"{public_url}/verify.html"
        self.page = VerifyPage(department, [signer.public_key])

    async def jwt(
        self, caller: Caller, course: wire.CourseName, language: wire.Language
    ) -> tuple[str, wire.Person, int]:
        """Return the caller's certificate of a course, the caller's card, and when the course was
        completed (ms). Raises CourseUnfinished, NotFound."""
        async with self._database.reading() as connection:
            completed = (await store.completed_by(connection, caller.person_id)).get(course)
            cards = await self._people.cards(connection, [caller.person_id], caller.person_id)
        person = cards.get(caller.person_id)
        if person is None:
            raise errors.NotFound
        if completed is None:
            raise errors.CourseUnfinished
        facts = Facts(
            person_id=caller.person_id,
            name=spelled(person.names, language),
            course_id=course,
            course=WORDS["en"].courses[course],
            criteria=CRITERIA,
            completed_ms=completed,
            department=self._department,
        )
        made = signed(facts, self._signer.public_key, self._signer.sign)
        return made, person, completed

    async def pdf(
        self,
        caller: Caller,
        course: wire.CourseName,
        language: wire.Language,
    ) -> bytes:
        """Return the certificate as a PDF, the code in it a link to the page that verifies it.
        Raises CourseUnfinished, NotFound."""
        jwt, person, completed = await self.jwt(caller, course, language)
        words = WORDS[language]
        key, link = did_key(self._signer.public_key), f"{self._address}#{jwt}"
        given = {
            "language": language,
            "department": self._department,
            "title": words.title,
            "states": words.states,
            "name": spelled(person.names, language),
            "post": spelled(person.post, language),
            "completed": words.completed,
            "course": words.courses[course],
            "date": datetime.fromtimestamp(completed / 1000, INDIA).strftime("%d-%m-%Y"),
            "check": words.check,
            "address": self._address,
            "key": key,
            "link": link,
            "qr": qr_svg(link),
        }
        return await asyncio.to_thread(_typeset, given, completed // 1000)


def qr_svg(text: str) -> str:
    """Return a QR code as SVG. Raises segno.DataOverflowError beyond 2,953 bytes."""
    code = segno.make_qr(text, error="l", boost_error=False)
    return str(code.svg_inline(border=4, omitsize=True))


def _typeset(given: dict[str, str], made_s: int) -> bytes:
    package = files("copconnect.training")
    with as_file(package / "fonts") as fonts:
        made = typst.compile(
            (package / "certificate.typ").read_bytes(),
            font_paths=typst.Fonts(include_system_fonts=False, font_paths=[fonts]),
            ignore_system_fonts=True,
            sys_inputs=given,
            timestamp=made_s,
        )
    if not isinstance(made, bytes):
        raise TypeError("typst made no PDF")
    return made
