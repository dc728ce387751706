"""Runs ``copconnect`` under the mounts of a unit with ProtectSystem=strict: every file system can
only be read, and the unit's own folders are separate mounts.

Run by :mod:`tests.harness.forking`: ``STATE BACKUPS ARGUMENT…``.
"""

import ctypes
import os
import runpy
import subprocess
import sys

_NEW_MOUNTS = 0x0002_0000  # CLONE_NEWNS: os.unshare comes with Python 3.12.
_MOUNT = """set -e
mount --make-rprivate /
for folder in "$@"; do mount --bind "$folder" "$folder"; done
mount -o remount,bind,ro /
"""

if __name__ == "__main__":
    state, backups, *arguments = sys.argv[1:]
    if ctypes.CDLL(None, use_errno=True).unshare(_NEW_MOUNTS) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    subprocess.run(["sh", "-c", _MOUNT, "sh", state, backups], check=True)
    sys.argv = ["copconnect", *arguments]
    runpy.run_module("copconnect", run_name="__main__", alter_sys=True)
