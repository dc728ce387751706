"""``make bench-guard``: what the guard finds on the held-out split, among pictures, and the time.

The figures of :mod:`guard.measuring`, and the time of one message in Chromium slowed six times,
with the code and the weights of the app. Prints one JSON line.
"""

import argparse
import json
import os
import sys
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

from bench.browser import chromium
from bench.figures import percentile, say
from copconnect.conduct.guard import serving
from guard import corpus, measuring, pictures

SLOWER = 6
MOST_LETTERS = 16_384
SMALL, SMALL_LONG = 30, 2  # Messages.

PASSES = 12
# Chromium slows a page by stopping it for five of six parts of the time, some milliseconds in one
# piece: one message is stopped in, the next is not. The mean over passes is what a processor that
# is six times slower takes.
_TIMES = """
async ([data, texts, passes]) => {
  const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
  const model = await guard.Model.read(bytes);
  for (const text of texts.slice(0, 200)) model.classify(text);
  const pass = () =>
    texts.map((text) => {
      const began = performance.now();
      model.classify(text);
      return performance.now() - began;
    });
  return Array.from({ length: passes }, pass);
}
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench-guard", description=__doc__)
    parser.add_argument("--small", action="store_true", help="in seconds: no figures")
    small = parser.parse_args(arguments).small
    weights = serving.shipped_weights()
    if small:  # To split the corpus takes a minute.
        few = corpus.unseen(corpus.UNSEEN[-1])
        held_out = tuple(few[:: len(few) // SMALL])
    else:
        held_out = corpus.held_out()
    say(f"{len(held_out)} held-out messages")
    figures: dict[str, Any] = measuring.measured(held_out)
    for name in corpus.UNSEEN[-1:] if small else corpus.UNSEEN:
        unseen = measuring.measured(held_out if small else corpus.unseen(name))
        figures[name] = {
            part: unseen[part]
            for part in ("messages", "recall", "false_alarm_rate", "by_class", "by_language")
            if part in unseen
        }
    figures["model_bytes"] = len(weights)
    figures |= times(weights, [one.text for one in held_out], small=small)
    figures["load_average"] = round(os.getloadavg()[0], 1)
    print(json.dumps(figures, ensure_ascii=False))
    return 0


def times(weights: bytes, texts: list[str], *, small: bool = False) -> dict[str, Any]:
    """Return milliseconds for a message, in a page that is slowed, and the figures of pictures.
    Empty without a Chromium."""
    count = 1 if small else PASSES
    path = chromium.executable()
    if path is None:
        say("no Chromium: times are left out")
        return {}
    code = chromium.bundle("client/src/guard/model.ts", "guard")
    longest = [("Good morning sir, see the list of points. " * 400)[:MOST_LETTERS]]
    longest *= SMALL_LONG if small else 20
    with chromium.launched(path) as browser:
        page = browser.new_page()
        page.evaluate(f"() => {{ {code}; globalThis.guard = guard; }}")
        slowdown = chromium.throttle(page, 1 if small else SLOWER)
        passes = page.evaluate(_TIMES, [b64encode(weights).decode(), texts + longest, count])
        known = pictures.figures(
            browser.new_page(),
            chromium.bundle("web/src/media/encoding/picture-hash.ts", "hashing"),
            chromium.bundle("client/src/guard/pictures.ts", "listing"),
            chromium.bundle("guard/pictures.js", "drawing"),
            *((2, 1, 100) if small else ()),
        )
    usual, long = passes[0][: len(texts)], passes[0][len(texts) :]
    means = [sum(one) / count for one in zip(*passes, strict=True)][: len(texts)]
    return {
        "p50_ms": round(percentile(usual, 0.5), 2),
        "p99_ms": round(percentile(usual, 0.99), 2),
        "p99_of_means_ms": round(percentile(means, 0.99), 2),
        "max_ms_16_kb": round(max(long), 2),
        "slowdown": round(slowdown, 1),
        "pictures": known,
    }


if __name__ == "__main__":
    sys.exit(main())
