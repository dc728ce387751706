"""Restores an archive, but begins no new incarnation, as a restore that was interrupted."""

import asyncio
import sys
from pathlib import Path

from copconnect.commands.backups import restoring
from copconnect.settings import load

if __name__ == "__main__":
    asyncio.run(restoring.restore(load(), Path(sys.argv[1])))
