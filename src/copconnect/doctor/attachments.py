"""Attachments: has the blob store each one that the database names?"""

import asyncio

from sqlalchemy.exc import DBAPIError

from copconnect import errors
from copconnect.attachments import store
from copconnect.attachments.blobs import open_blobs
from copconnect.attachments.rules import FOLDER
from copconnect.attachments.store import Expected
from copconnect.attachments.wholeness import StoredChunks, missing
from copconnect.database.engine import Database, open_database
from copconnect.doctor.findings import Finding, failure, ok, warning
from copconnect.doctor.reasons import reason_of
from copconnect.settings import Settings

LIMIT_S = 120.0
_NAMED = 5


async def attachments(settings: Settings) -> Finding:
    """Compare the rows of attachments with the objects of the blob store, by count and size."""
    opened = open_database(settings.effective_database_url)
    held = StoredChunks()
    try:
        async with asyncio.timeout(LIMIT_S):
            expected = await _expected(opened)
            blobs = open_blobs(settings.blob_url, settings.data_dir)
            async for path, size in blobs.listed(FOLDER):
                held.add(path, size)
            lacking = await missing(expected, held, lambda: _expected(opened))
    except TimeoutError:
        words = f"The blob store did not list its objects within {LIMIT_S:.0f} s."
        return warning("attachments", words, "Run the doctor again when the server is idle.")
    except (DBAPIError, OSError, errors.CopConnectError) as error:
        words = f"The attachments cannot be compared: {reason_of(error)}."
        return failure("attachments", words, "See the checks of the database and the blobs.")
    finally:
        await opened.close()
    if lacking:
        named = ", ".join(lacking[:_NAMED])
        more = f" and {len(lacking) - _NAMED:,} more" if len(lacking) > _NAMED else ""
        words = (
            f"{len(lacking):,} of {len(expected):,} attachments are missing in the blob store, or "
            f"cut off: {named}{more}."
        )
        remedy = (
            "See whether COPCONNECT_BLOB_URL names the store. A backup has them under "
            "blobs/attachments: put them back from there, or restore it."
        )
        return failure("attachments", words, remedy)
    return ok("attachments", f"The blob store has all {len(expected):,} attachments.")


async def _expected(opened: Database) -> list[Expected]:
    async with opened.reading() as connection:
        return await store.expected(connection)
