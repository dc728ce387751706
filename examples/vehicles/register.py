"""The register of vehicles: a CSV, read again whenever it has changed. No bot in it."""

import csv
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A line of the CSV."""

    plate: str
    model: str
    colour: str
    registered: str
    note: str

    def __str__(self) -> str:
        said = f"{self.plate}: {self.colour} {self.model}, {self.registered}."
        return f"{said}\n⚠ {self.note}" if self.note else said


def plate_of(text: str) -> str:
    """Return a plate as the register writes it: capitals and digits alone."""
    return "".join(one for one in text.upper() if one.isascii() and one.isalnum())


class Register:
    """Vehicles by plate. A file that cannot be read leaves the former lines in force."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stamp: tuple[int, int] | None = None
        self._vehicles: dict[str, Vehicle] = {}

    def find(self, plate: str) -> Vehicle | None:
        """Return the vehicle with a plate. Raises OSError, KeyError for a file that never was a
        register."""
        found = self._file.stat()
        stamp = found.st_mtime_ns, found.st_size
        if stamp != self._stamp:
            with self._file.open(encoding="utf-8-sig", newline="") as lines:
                vehicles = [
                    Vehicle(
                        plate_of(line["plate"]),
                        line["model"].strip(),
                        line["colour"].strip(),
                        line["registered"].strip(),
                        line["note"].strip(),
                    )
                    for line in csv.DictReader(lines)
                ]
            self._vehicles = {one.plate: one for one in vehicles}
            self._stamp = stamp
        return self._vehicles.get(plate_of(plate))
