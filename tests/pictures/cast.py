"""The people of the pictures, out of the demo's data bank."""

import csv
from collections.abc import Sequence
from pathlib import Path

from tests.harness.databank import Officer

# Their places in the synthetic data bank (demo/synthetic.py): the same in every force.
COMMISSIONER, DCP, ACP, SHO, INSPECTOR_GENERAL, DEPUTY = 1, 2, 3, 4, 5, 6
PATROL = 8


def people(data: Path) -> Sequence[Officer]:
    """Return everybody, in the order of the file."""
    with (data / "databank" / "people.csv").open(encoding="utf-8-sig", newline="") as rows:
        return [
            Officer(
                code=row["code"],
                name=row["name_en"],
                name_te=row["name_te"],
                number=row["number"],
                rank=row["rank"],
                post=row["post_en"],
                unit=row["unit"],
                head=row["head"] == "yes",
                roles=row["roles"],
                enrolment_code=row["enrolment_code"],
            )
            for row in csv.DictReader(rows)
        ]
