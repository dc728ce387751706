"""The blob store: a local folder or S3, one object for each chunk, written whole or not at all."""

from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from copconnect import errors

_READ_BYTES = 64 * 1024
RETRY_FOR = timedelta(seconds=10)  # Requests to S3; then the caller gets the error and retries.


class Blobs:
    """Writes, reads and deletes objects by path."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store

    async def create(self, path: str, data: bytes) -> bool:
        """Store a new object atomically; return False, and leave it, where there is one.

        Raises StorageFull or Overloaded; nothing is half there.
        """
        try:
            await obstore.put_async(self.store, path, data, mode="create", use_multipart=False)
        except AlreadyExistsError:
            return False
        except (BaseError, OSError) as error:
            raise _translate(error) from error
        return True

    async def holds(self, path: str, data: bytes) -> bool:
        """Return whether an object has exactly these bytes. Raises NotFound or Overloaded."""
        at = 0
        async for piece in await self.read(path):
            if data[at : at + len(piece)] != piece:
                return False
            at += len(piece)
        return at == len(data)

    async def read(self, path: str) -> AsyncIterator[bytes]:
        """Open an object and return its bytes in pieces. Raises NotFound before the first one."""
        try:
            found = await obstore.get_async(self.store, path)
        except FileNotFoundError as error:
            raise errors.NotFound from error
        except (BaseError, OSError) as error:
            raise _translate(error) from error

        async def pieces() -> AsyncIterator[bytes]:
            try:
                async for piece in found.stream(min_chunk_size=_READ_BYTES):
                    yield bytes(piece)
            except (BaseError, OSError) as error:
                raise _translate(error) from error

        return pieces()

    async def listed(self, folder: str | None = None) -> AsyncIterator[tuple[str, int]]:
        """Yield path and size of every object, or of those below a folder. Raises Overloaded."""
        try:
            async for some in obstore.list(self.store, prefix=folder):
                for one in some:
                    yield one["path"], one["size"]
        except (BaseError, OSError) as error:
            raise _translate(error) from error

    async def delete(self, paths: Iterable[str]) -> None:
        """Delete objects; missing objects are no error."""
        for path in paths:
            try:
                await obstore.delete_async(self.store, path)
            except FileNotFoundError:
                continue
            except (BaseError, OSError) as error:
                raise _translate(error) from error


def folder_of(url: str, data_dir: Path) -> Path | None:
    """Return the folder that holds the objects; None: they are in S3."""
    if not url:
        return data_dir / "blobs"
    parts = urlsplit(url)
    return Path(parts.path) if parts.scheme == "file" else None


def in_folder(folder: Path) -> Blobs:
    """Open the blob store of a folder, which is made where there is none."""
    return Blobs(LocalStore(prefix=folder, mkdir=True))


def open_blobs(url: str, data_dir: Path) -> Blobs:
    """Open the blob store at ``url`` (file:// or s3://), or the folder in ``data_dir``.

    S3 credentials and endpoint come from the usual AWS_* environment variables. The server must
    know conditional writes (``If-None-Match: *``), as AWS, MinIO and Ceph do.
    """
    if (folder := folder_of(url, data_dir)) is not None:
        return in_folder(folder)
    return Blobs(from_url(url, retry_config={"max_retries": 3, "retry_timeout": RETRY_FOR}))


def _translate(error: Exception) -> errors.CopConnectError:
    text = str(error)
    full = ("No space left", "os error 28", "os error 27", "os error 122", "QuotaExceeded")
    if any(words in text for words in full):  # ENOSPC, EFBIG, EDQUOT.
        return errors.StorageFull(retry_after_ms=30_000)
    return errors.Overloaded(retry_after_ms=2_000)
