"""The stores of a device and of the server, looked at and damaged from outside the app."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import BrowserContext, Page

from tests.harness.recording import RecordingProxy
from tests.harness.traffic import Exhibit, exhibits

# Counts what the databases of this origin hold, besides the wrapped key of an empty one and its
# "meta" store, which says why the device was signed out.
COUNT = """async () => {
  let count = 0;
  for (const { name } of await indexedDB.databases()) {
    const open = indexedDB.open(name);
    const database = await new Promise((resolve, reject) => {
      open.onsuccess = () => resolve(open.result);
      open.onerror = () => reject(open.error);
    });
    for (const store of ["records", "chunks"]) {
      if (!database.objectStoreNames.contains(store)) continue;
      const asked = database.transaction(store).objectStore(store).getAll();
      const rows = await new Promise((done) => (asked.onsuccess = () => done(asked.result)));
      count += rows.filter((row) => row.s !== "meta").length;
    }
    database.close();
  }
  return count;
}"""

DELETE = """async () => {
  for (const { name } of await indexedDB.databases()) {
    const asked = indexedDB.deleteDatabase(name);
    await new Promise((resolve, reject) => {
      asked.onsuccess = resolve;
      asked.onerror = () => reject(asked.error);
      asked.onblocked = () => reject(new Error("somebody has it open"));
    });
  }
}"""

# As if so many wrong PINs had been tried, the last of them long ago.
TRIES = """async (tries) => {
  const open = indexedDB.open("copconnect");
  const database = await new Promise((resolve) => (open.onsuccess = () => resolve(open.result)));
  const store = database.transaction("key", "readwrite").objectStore("key");
  const found = await new Promise((resolve) => {
    const asked = store.get("data");
    asked.onsuccess = () => resolve(asked.result);
  });
  found.pin.tries = tries;
  found.pin.nextTryMs = 0;
  await new Promise((resolve) => (store.put(found, "data").onsuccess = resolve));
  database.close();
}"""

# Deletes the rows of one store of the vault, or flips a bit in each.
HARM = """async ({ store, flip }) => {
  const open = indexedDB.open("copconnect");
  const database = await new Promise((resolve) => (open.onsuccess = () => resolve(open.result)));
  const transaction = database.transaction("records", "readwrite");
  const done = new Promise((resolve) => (transaction.oncomplete = resolve));
  let rows = 0;
  transaction.objectStore("records").openCursor().onsuccess = ({ target }) => {
    const cursor = target.result;
    if (cursor === null) return;
    if (cursor.value.s === store) {
      rows += 1;
      if (flip) {
        cursor.value.d[cursor.value.d.length >> 1] ^= 4;
        cursor.update(cursor.value);
      } else cursor.delete();
    }
    cursor.continue();
  };
  await done;
  database.close();
  return rows;
}"""


def records(page: Page) -> int:
    """Return how many records and chunks the device of this page keeps."""
    return int(page.evaluate(COUNT))


def set_wrong_pins(page: Page, tries: int) -> None:
    """Let so many wrong PINs have been tried, and no time be left to wait."""
    page.evaluate(TRIES, tries)


def delete_database(context: BrowserContext, url: str) -> None:
    """Take everything from a device whose pages do not run the app."""
    with _bare_page(context, url) as page:
        page.evaluate(DELETE)


def erase(page: Page) -> None:
    """Take everything from a device while its pages run the app."""
    page.evaluate(DELETE)


def lose(context: BrowserContext, url: str, store: str) -> None:
    """Delete a store of the vault of a device whose pages do not run the app."""
    _harm(context, url, store, flip=False)


def garble(context: BrowserContext, url: str, store: str) -> None:
    """Flip a bit in every record of a store, as a bad disk does; otherwise like ``lose``."""
    _harm(context, url, store, flip=True)


def _harm(context: BrowserContext, url: str, store: str, *, flip: bool) -> None:
    with _bare_page(context, url) as page:
        assert page.evaluate(HARM, {"store": store, "flip": flip}) > 0


@contextlib.contextmanager
def _bare_page(context: BrowserContext, url: str) -> Iterator[Page]:
    """A page of the app's origin that runs nothing."""
    page = context.new_page()
    page.goto(f"{url}/healthz")
    yield page
    page.close()


def last_payloads(data: Path, count: int) -> list[bytes]:
    """Return the newest messages of the conversation that was last written to, as stored."""
    connection = sqlite3.connect(f"file:{data / 'copconnect.sqlite3'}?mode=ro", uri=True)
    try:
        rows = connection.execute(
            "SELECT message FROM log_entries WHERE conversation_id ="
            " (SELECT conversation_id FROM log_entries ORDER BY sent_ms DESC LIMIT 1)"
            " ORDER BY seq DESC LIMIT ?",
            (count,),
        )
        return [bytes(payload) for (payload,) in rows]
    finally:
        connection.close()


def call_confirmed(data: Path) -> None:
    """Do what a server that has been taken over does: call the newest device confirmed, and have
    the conversations of its person list it."""
    with contextlib.closing(sqlite3.connect(data / "copconnect.sqlite3", timeout=30)) as connection:
        newest = (
            "SELECT * FROM auth_clients WHERE confirmed = 'no' ORDER BY created_ms DESC LIMIT 1"
        )
        connection.row_factory = sqlite3.Row
        client = connection.execute(newest).fetchone()
        connection.execute(
            "UPDATE auth_clients SET confirmed = 'admin' WHERE client_id = ?",
            (client["client_id"],),
        )
        connection.execute(
            "INSERT INTO roster_pending (conversation_id, person_id, change, since_ms)"
            " SELECT conversation_id, person_id, hex(randomblob(16)), 0 FROM members"
            " WHERE person_id = ? AND removed_ms IS NULL",
            (client["person_id"],),
        )
        connection.commit()


def received(line: RecordingProxy) -> Iterator[Exhibit]:
    """Yield what a relay's devices were sent."""
    for thing in exhibits(line.recordings):
        if "socket down" in thing.where or " answer " in thing.where:
            yield thing
