import type { PersonId } from "@copconnect/client/wire";
import { describe, expect, it } from "vitest";
import type { MessageBody } from "@copconnect/client/core";
import { beginningOf, linksOf, onlyEmoji, piecesOf, wordsIn, type Piece } from "./text.ts";

it("copies an order with its title, in the reader's language or the first", () => {
  const order = {
    ...{ kind: "order", language: "en", title: "Bandobast", text: "Come at 06:00" },
    translations: [{ language: "te", title: "బందోబస్తు", text: "06:00 కి రండి" }],
  } as unknown as MessageBody;
  expect(wordsIn(order, "te")).toBe("బందోబస్తు\n06:00 కి రండి");
  expect(wordsIn(order, "ur")).toBe("Bandobast\nCome at 06:00");
  expect(wordsIn({ kind: "text", text: "Raid at 5", mentions: [] }, "te")).toBe("Raid at 5");
});

describe("piecesOf", () => {
  it("finds links without the punctuation after them", () => {
    expect(piecesOf("See https://tspolice.gov.in/duty?id=4. Now", [])).toEqual([
      { kind: "plain", text: "See " },
      {
        kind: "link",
        text: "https://tspolice.gov.in/duty?id=4",
        href: "https://tspolice.gov.in/duty?id=4",
      },
      { kind: "plain", text: ". Now" },
    ]);
  });

  it("makes no link of other schemes", () => {
    for (const text of ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd"]) {
      expect(piecesOf(text, [])).toEqual([{ kind: "plain", text }]);
    }
  });

  it("makes no link of an address that can read as another", () => {
    for (const text of [
      "https://tspolice.gov.in@evil.example/",
      "https://tspolice.gov.in:x@evil.example/",
      "https://evil.example/\u202Eni.vog.ecilopst",
      "https://tspolice\u200B.gov.in",
    ])
      expect(piecesOf(text, [])).toEqual([{ kind: "plain", text }]);
    // A mark behind the address belongs to the words around it.
    expect(linksOf("https://a.example\u200F")).toHaveLength(1);
  });

  it("names the host of a link whose text reads otherwise", () => {
    const hosts = (text: string) => linksOf(text).map(({ host }) => host);
    expect(hosts("https://tspоlice.gov.in/duty")).toEqual(["xn--tsplice-cjg.gov.in"]);
    expect(hosts("https://2130706433/")).toEqual(["127.0.0.1"]);
    expect(hosts("https:///evil.example")).toEqual(["evil.example"]);
    const asWritten = "https://TSPolice.gov.in:8443?x www.tspolice.gov.in/a http://a.example#b";
    expect(hosts(asWritten)).toEqual([undefined, undefined, undefined]);
  });

  it("cuts out mentions and ignores those outside the text or overlapping", () => {
    expect(
      piecesOf("hi @Ravi! @everybody", [
        { personId: "a" as PersonId, start: 3, length: 5 },
        { personId: "b" as PersonId, start: 4, length: 2 },
        { personId: "c" as PersonId, start: 9, length: 50 },
        { personId: "d" as PersonId, start: -3, length: 2 },
        { everybody: true, start: 10, length: 10 },
      ]),
    ).toEqual([
      { kind: "plain", text: "hi " },
      { kind: "mention", text: "@Ravi", personId: "a" },
      { kind: "plain", text: "! " },
      { kind: "mention", text: "@everybody", personId: null },
    ]);
  });
});

describe("phone numbers and e-mail addresses", () => {
  const found = (text: string) =>
    piecesOf(text, []).flatMap((piece) =>
      piece.kind === "phone" ? [piece.number] : piece.kind === "link" ? [piece.href] : [],
    );

  it("are links, however they are written", () => {
    for (const text of [
      "9848012345",
      "98480 12345",
      "098480-12345",
      "+91 98480 12345",
      "919848012345",
    ])
      expect([text, found(`Call ${text}, sir.`)]).toEqual([text, ["+919848012345"]]);
    expect(found("Ph:9848012345, Mob.9848012345")).toHaveLength(2);
    expect(found("Control room 040-2785 2435")).toEqual(["+914027852435"]);
    expect(found("Helpline 1800 425 3525; abroad +44 20 7946 0958")).toEqual([
      "+9118004253525",
      "+442079460958",
    ]);
    expect(found("sho.kacheguda@tspolice.gov.in.")).toEqual([
      "mailto:sho.kacheguda@tspolice.gov.in",
    ]);
    expect(found("కాల్ 9848012345 చేయండి")).toEqual(["+919848012345"]);
  });

  it("are not dates, case, vehicle and account numbers, or parts of a web address", () => {
    for (const text of [
      ...["2026-12-01 17:30", "FIR 118/2026", "TS09EA4411", "Rs 98,48,012,345", "9848012345678"],
      ...["9184 5678 9012", "CC/9848012345", "17.361612345", "0000000000", "@Ravi", "a@b"],
    ])
      expect([text, found(text)]).toEqual([text, []]);
    expect(found("https://a.example/9848012345?to=x@b.example")).toHaveLength(1);
  });

  it("are not among the links of a gallery", () => {
    expect(linksOf("9848012345 x@b.example www.c.example").map(({ href }) => href)).toEqual([
      "https://www.c.example/",
    ]);
  });
});

/** The source of pieces, and its bold and italic parts. */
function styledIn(text: string): { source: string; bold: string[]; italic: string[] } {
  const found = { source: "", bold: [] as string[], italic: [] as string[] };
  const read = (pieces: readonly Piece[]): string =>
    pieces
      .map((piece) => {
        if ("text" in piece) return piece.text;
        const inner = read(piece.pieces);
        found[piece.kind].push(inner);
        return piece.mark + inner + piece.mark;
      })
      .join("");
  found.source = read(piecesOf(text, []));
  return found;
}

describe("bold and italic", () => {
  it("are words between marks, one within the other too", () => {
    expect(styledIn("*Gate 4* at _six_, (*వెంటనే*) *_now_*").bold).toEqual([
      "Gate 4",
      "వెంటనే",
      "_now_",
    ]);
    expect(styledIn("*Gate 4* at _six_, *_now_*").italic).toEqual(["six", "now"]);
  });

  it("keep the source, and HTML stays text", () => {
    for (const text of [
      "*a* _b_ *_c_*",
      "*<img src=x onerror=alert(1)>*",
      "* _ *_ _* **",
      "*a\nb*",
    ])
      expect(styledIn(text).source).toBe(text);
    expect(styledIn("*<b>x</b>*").bold).toEqual(["<b>x</b>"]);
  });

  it("are not made of marks within words, at spaces, doubled, or across lines", () => {
    const plain = "2*3*4 duty_list_final *a * b* ** *a\nb* _ x_ __init__ *123*45# a*b*";
    expect(styledIn(plain)).toEqual({ source: plain, bold: [], italic: [] });
  });

  it("go around mentions and links, and never into them", () => {
    const mention = { personId: "a" as PersonId, start: 1, length: 5 };
    expect(piecesOf("*@Ravi, come* https://x.in/_a_/b", [mention])).toEqual([
      {
        kind: "bold",
        mark: "*",
        pieces: [
          { kind: "mention", text: "@Ravi", personId: "a" },
          { kind: "plain", text: ", come" },
        ],
      },
      { kind: "plain", text: " " },
      { kind: "link", text: "https://x.in/_a_/b", href: "https://x.in/_a_/b" },
    ]);
    expect(styledIn("*https://x.in/a*").bold).toEqual(["https://x.in/a"]);
  });

  it("takes no long for a text that is all marks", () => {
    const from = performance.now();
    piecesOf("*a _b ".repeat(4_000), []);
    expect(performance.now() - from).toBeLessThan(500);
  });
});

describe("beginningOf", () => {
  it("leaves a text whole that would fold little", () => {
    expect(beginningOf("word ".repeat(170))).toBeNull();
    expect(beginningOf("a\n".repeat(17))).toBeNull();
  });

  it("ends at a word, by characters or by lines", () => {
    const long = beginningOf("నివేదిక ".repeat(200));
    expect(long?.length).toBeLessThanOrEqual(600);
    expect(long?.endsWith("నివేదిక")).toBe(true);
    expect(beginningOf("a b\n".repeat(40))?.split("\n").length).toBe(12);
  });

  it("cuts no sign in two where there is no space", () => {
    expect(beginningOf("👮🏽‍♀️".repeat(400))?.replaceAll("👮🏽‍♀️", "")).toBe("");
  });
});

describe("onlyEmoji", () => {
  it("knows a few emoji from text", () => {
    expect(onlyEmoji("👍")).toBe(true);
    expect(onlyEmoji("👮🏽‍♀️ 👍")).toBe(false);
    expect(onlyEmoji("👮🏽‍♀️👍")).toBe(true);
    expect(onlyEmoji("12")).toBe(false);
    expect(onlyEmoji("ok 👍")).toBe(false);
  });
});
