"""The stores of a device and of the server, looked at and damaged from outside the app."""

import contextlib
import sqlite3
from pathlib import Path

from playwright.sync_api import BrowserContext, Page

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

# Flips a bit in each row of one store of the vault.
GARBLE = """async (store) => {
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
      cursor.value.d[cursor.value.d.length >> 1] ^= 4;
      cursor.update(cursor.value);
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


def erase(page: Page) -> None:
    """Take everything from a device while its pages run the app."""
    page.evaluate(DELETE)


def garble(context: BrowserContext, url: str, store: str) -> None:
    """Flip a bit in every record of a store, as a bad disk does, on a device whose pages do not run
    the app."""
    page = context.new_page()
    page.goto(f"{url}/healthz")
    assert page.evaluate(GARBLE, store) > 0
    page.close()


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
