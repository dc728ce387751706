"""Verify a file and print JSON. The input is JSON: ``file``, and ``root``, the root's key."""

import hashlib
import json
import sys
import time
from pathlib import Path

from copconnect.sealing.exported.archive import Archive, BadArchive
from copconnect.sealing.exported.telling import tell
from copconnect.sealing.exported.verifying import BadFile, prove


def main() -> None:
    """Print what holds, or ``failed``: why the file is no export."""
    asked = json.load(sys.stdin)
    path, root_key = Path(asked["file"]), bytes.fromhex(asked["root"])
    try:
        archive = Archive(path)
        found = tell(prove(archive, root_key, int(time.time() * 1000)), archive)
    except (BadArchive, BadFile) as error:
        print(json.dumps({"failed": str(error)}))
        return
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    print(json.dumps({"failed": None, "sha256": digest, **found}))


if __name__ == "__main__":
    main()
