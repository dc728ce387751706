"""A benchmark's child process that has imported everything before it begins.

Run by :mod:`tests.harness.forking`: ``FD MODULE ARGUMENT…``; it hears its commands from FD.
"""

import os
import runpy
import sys

if __name__ == "__main__":
    os.dup2(int(sys.argv[1]), sys.stdin.fileno())
    sys.argv = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
