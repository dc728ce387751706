"""A real S3 server for one test session: moto, from a PyPI wheel, as a child process."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx

from tests.harness import processes
from tests.harness.waiting import PATIENCE_S

BUCKET = "copconnect"


class S3Server:
    """S3 over HTTP on the loopback interface; it forgets everything when it stops."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="copconnect-s3-"))
        self._log = self._folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self.port = processes.free_port()

    @property
    def environment(self) -> dict[str, str]:
        """The variables that a client of this server has in its environment."""
        return {
            "AWS_ENDPOINT": f"http://127.0.0.1:{self.port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }

    def start(self) -> None:
        """Serve one empty bucket; after :meth:`stop` again on the same port."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
                cwd=self._folder,
                stdout=log,
                stderr=log,
            )
        processes.wait_until(
            lambda: processes.accepts(self.port), self._process, self._log, PATIENCE_S
        )
        bucket = f"http://127.0.0.1:{self.port}/{BUCKET}"
        httpx.put(bucket, timeout=PATIENCE_S).raise_for_status()

    def stop(self) -> None:
        """End the server."""
        if self._process is not None:
            processes.end(self._process)

    def close(self) -> None:
        """End the server and delete its folder."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)
