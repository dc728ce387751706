"""The core's storage in a file, tested where it runs: under the Node of a bot."""

import os
import subprocess

from copconnect.core_program import node
from tests.harness.server import ROOT


def test_the_vault_in_a_file_keeps_its_contract() -> None:
    command = [
        *(str(node()), "node_modules/vitest/vitest.mjs", "run", "--root", "client"),
        *("--reporter", "verbose", "src/vault/sqlite.test.ts"),
    ]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"NODE_OPTIONS": "--disable-warning=ExperimentalWarning"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout
    assert "does not grow" in done.stdout
