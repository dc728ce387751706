"""Figures of known pictures: copies that are found, other pictures that are not, and the time.

A page draws cards, copies and other pictures (``pictures.js``) and hashes them with the app's code;
the app's list of 20,000 hashes is searched in it.
"""

from typing import Any

from playwright.sync_api import Page

from bench.browser import chromium
from bench.figures import percentile
from copconnect.limits import KNOWN_PICTURES

CARDS, OTHERS, SLOWER = 60, 60, 6

_FIGURES = """
async ([cards, others]) => {
  const hash = async (blob, to = "judge") => hashing.pictureHash(await blob, to);
  const png = (made) => made.convertToBlob({ type: "image/png" });
  const known = [];
  let hashes = [];
  for (let seed = 1; seed <= cards; seed++) {
    const card = drawing.drawn("card", seed);
    const found = await hash(png(card), "mark");
    if (found !== null) known.push([card, found]);
  }
  const all = new Uint8Array(known.length * 32);
  known.forEach(([, found], at) => all.set(found, at * 32));
  const list = listing.Pictures.NONE.changed({
    marked: [{ claimed: "greeting", hashes: all }],
    unmarked: new Uint8Array(),
  });
  const hits = {};
  for (const [name, copy] of Object.entries(drawing.copies)) {
    hits[name] = 0;
    for (const [card] of known) {
      const found = await hash(copy(card));
      if (found !== null && list.claimed(found) !== null) hits[name] += 1 / known.length;
    }
  }
  const false_hits = {};
  for (const kind of ["page", "photographed", "scene", "plain"]) {
    const found = [];
    const markable = [];
    for (let seed = 1; seed <= others; seed++) {
      const file = png(drawing.drawn(kind, seed));
      found.push(await hash(file));
      markable.push(await hash(file, "mark"));
    }
    const nearCard = found.filter((one) => one !== null && list.claimed(one) !== null);
    // If every other picture of its kind were marked.
    const nearKind = found.filter((one, at) => {
      const rest = markable.filter((other, index) => other !== null && index !== at);
      const bytes = new Uint8Array(rest.length * 32);
      rest.forEach((other, index) => bytes.set(other, index * 32));
      const marked = [{ claimed: "joke", hashes: bytes }];
      const others = listing.Pictures.NONE.changed({ marked, unmarked: new Uint8Array() });
      return one !== null && others.claimed(one) !== null;
    });
    const count = (all) => all.filter((one) => one !== null).length;
    false_hits[kind] = {
      ...{ pictures: others, hashed: count(found), markable: count(markable) },
      ...{ taken_for_a_card: nearCard.length, taken_for_another: nearKind.length },
    };
  }
  return { cards, markable: known.length, hits, false_hits };
}
"""
_TIMES = """
async ([most]) => {
  const bytes = new Uint8Array(most * 32);
  for (let at = 0; at < bytes.length; at += 65536)
    crypto.getRandomValues(bytes.subarray(at, at + 65536));
  const list = listing.Pictures.NONE.changed({
    marked: [{ claimed: "greeting", hashes: bytes }],
    unmarked: new Uint8Array(),
  });
  const timed = async (run) => {
    const began = performance.now();
    await run();
    return performance.now() - began;
  };
  const [matching, hashing_] = [[], []];
  const wanted = new Uint8Array(32);
  for (let run = 0; run < 60; run++) {
    crypto.getRandomValues(wanted);
    matching.push(await timed(() => list.claimed(wanted)));
  }
  const photo = await drawing.drawn("scene", 1).convertToBlob({ type: "image/jpeg", quality: 0.8 });
  const hash = () => hashing.pictureHash(photo, "judge");
  for (let run = 0; run < 20; run++) hashing_.push(await timed(hash));
  return { matching: matching.slice(10), hashing: hashing_.slice(5), bytes: list.bytes.length };
}
"""


def figures(
    page: Page,
    hashing: str,
    listing: str,
    drawing: str,
    cards: int = CARDS,
    others: int = OTHERS,
    known: int = KNOWN_PICTURES,
) -> dict[str, Any]:
    """Return the figures of a page that has these scripts; it is slowed for the times alone.
    ``cards``, ``others`` of each kind: how many are drawn; ``known``: hashes of a list."""
    page.add_script_tag(content=f"{hashing}\n{listing}\n{drawing}")
    found: dict[str, Any] = page.evaluate(_FIGURES, [cards, others])
    found["hits"] = {name: round(share, 2) for name, share in found["hits"].items()}
    slowdown = chromium.throttle(page, SLOWER)
    taken = page.evaluate(_TIMES, [known])
    return found | {
        "list_bytes": taken["bytes"],
        "match_p50_ms": round(percentile(taken["matching"], 0.5), 1),
        "match_p99_ms": round(percentile(taken["matching"], 0.99), 1),
        "hash_p50_ms": round(percentile(taken["hashing"], 0.5), 1),
        "slowdown": round(slowdown, 1),
    }
