"""The features of texts, by the app's own code under Node: ``client/bench/guard-features.ts``."""

import io
import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
COMMAND = ("node", "--import", "tsx", "client/bench/guard-features.ts")


def features(
    texts: Sequence[str], lookalikes: Mapping[str, str], buckets: int
) -> Iterator[list[list[int]]]:
    """Return the buckets of each text, in order, in three blocks: chars, words, shape."""
    asked = {"texts": texts, "lookalikes": lookalikes, "buckets": buckets}
    told = subprocess.run(  # noqa: S603
        COMMAND, cwd=ROOT, input=json.dumps(asked).encode(), stdout=subprocess.PIPE, check=True
    )
    return map(json.loads, io.BytesIO(told.stdout))
