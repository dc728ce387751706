"""The features of texts, by the app's own code under Node: ``client/bench/guard-features.ts``."""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
COMMAND = ("node", "--import", "tsx", "client/bench/guard-features.ts")


def features(
    texts: Sequence[str], lookalikes: Mapping[str, str], buckets: int
) -> Iterator[list[list[int]]]:
    """Yield the buckets of each text, in order, in three blocks: chars, words, shape."""
    asked = {"texts": texts, "lookalikes": lookalikes, "buckets": buckets}
    node = subprocess.Popen(COMMAND, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603
    with node:
        if node.stdin is None or node.stdout is None:
            raise TypeError("the process has no pipes")
        node.stdin.write(json.dumps(asked).encode())
        node.stdin.close()
        yield from map(json.loads, node.stdout)
    if node.returncode:
        raise subprocess.CalledProcessError(node.returncode, COMMAND)
