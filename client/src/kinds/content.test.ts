import { encode } from "@msgpack/msgpack";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { attachmentIdOf } from "./fields.ts";
import { bodyOf, decodeContent, encodeContent } from "./content.ts";
import { forwardOf, forwardsOf, mentionsOf } from "./content.ts";
import { pointersOf, replyOf } from "./content.ts";
import type { Content } from "./content.ts";
import type { Mention } from "./parts.ts";
import type { ReplyPointer } from "./fields.ts";
import type { BodySources } from "./kind.ts";
import { randomBytes } from "../octets.ts";
import { newId, type MessageId, type UnitId } from "../ids.ts";

const key = randomBytes(32);
const attachment = {
  id: attachmentIdOf(key, 12),
  kind: "image",
  name: "గేటు.jpg",
  mime: "image/jpeg",
  size: 12,
  key,
  width: 10,
  height: null,
  durationMs: null,
  thumb: randomBytes(20),
  waveform: null,
  sha256: randomBytes(32),
} as const;
const replyTo: ReplyPointer = { messageId: newId(), personId: newId(), preview: "who" };
const mentions: readonly Mention[] = [
  { personId: newId(), start: 0, length: 3 },
  { post: "SHO", unitId: "CHAR" as UnitId, start: 3, length: 3 },
  { post: "SHO", unitId: null, start: 6, length: 3 },
  { rank: "Inspector", start: 9, length: 3 },
  { everybody: true, start: 12, length: 3 },
];
const EVERY_KIND: readonly Content[] = [
  { kind: "text", text: "సరే", mentions, replyTo, forwards: 0 },
  {
    kind: "attachments",
    text: "",
    mentions: [],
    replyTo: null,
    attachments: [attachment],
    forwards: 255,
    evidence: { madeMs: 5, phone: "Moto", place: { lat: 17.3, lon: -78.4, accuracyM: 12 } },
  },
  {
    ...{ kind: "exported", first: 3, last: 9, messages: 6, files: true },
    sha256: randomBytes(32),
  },
  {
    kind: "text",
    text: "Sir",
    mentions,
    replyTo: { ...replyTo, conversationId: newId() },
    forwards: 1,
  },
  {
    kind: "location",
    latitude: 17.3,
    longitude: 78.4,
    accuracyM: null,
    takenMs: 5,
    replyTo,
    forwards: 7,
  },
  {
    kind: "state",
    version: 3,
    title: "Charminar PS",
    photo: attachment,
    description: "Town",
  },
  {
    ...{ kind: "poll", question: "ఎప్పుడు?", options: ["Mon", "Tue"] },
    ...{ multiple: true, anonymous: false, endsMs: 5 },
  },
  { kind: "mark", messageId: newId(), what: { mark: "vote", choices: [0, 1] } },
  { kind: "mark", messageId: newId(), what: { mark: "ballot", seals: [randomBytes(1_156)] } },
  { kind: "live", untilMs: 9, latitude: 17.3, longitude: 78.4, accuracyM: null, takenMs: 5 },
  { kind: "question", text: "Which gate?", mentions },
  { kind: "mark", messageId: newId(), what: { mark: "accept", answerId: newId<MessageId>() } },
  { kind: "mark", messageId: newId(), what: { mark: "close" } },
  { kind: "mark", messageId: newId(), what: { mark: "pin", pinned: true } },
  { kind: "mark", messageId: newId(), what: { mark: "totals", counts: [3, 2], ballots: 5 } },
  { kind: "state", version: 1, title: "Charminar PS", photo: null, description: "" },
];

describe("content", () => {
  it("comes back as it was, for every kind", () => {
    for (const content of EVERY_KIND)
      expect(decodeContent(encodeContent(content))).toEqual(content);
  });

  it("shows no name that reads as another: nothing in it turns the direction or hides", () => {
    const named = (name: string): string => {
      const attachments = [{ ...attachment, name }];
      const content = {
        kind: "attachments",
        text: "",
        mentions: [],
        replyTo: null,
        forwards: 0,
        evidence: null,
      } as const;
      const decoded = decodeContent(encodeContent({ ...content, attachments }));
      return decoded.kind === "attachments" ? (decoded.attachments[0]?.name ?? "") : decoded.kind;
    };
    expect(named("report\u202Efdp.exe")).toBe("reportfdp.exe");
    expect(named("a\u2066b\u2069\u200F\uFEFF\u00AD\u0000\n\u2028.pdf ")).toBe("ab.pdf");
    expect(named("\u202E\u0007")).toBe("file");
    expect(named("నివేదిక\u200c రోజు.pdf")).toBe("నివేదిక\u200c రోజు.pdf");
  });

  it("is evidence only where its sender signed the hash of each file", async () => {
    const facts = { madeMs: 5, phone: "Moto", place: null };
    const shown = async (...hashes: readonly (Uint8Array | null)[]): Promise<unknown> => {
      const attachments = hashes.map((sha256) => ({ ...attachment, sha256 }));
      const said = { text: "", mentions: [], replyTo: null, forwards: 0, evidence: facts };
      const bytes = encodeContent({ kind: "attachments", ...said, attachments });
      const sources = { attachments: () => Promise.resolve([]) } as unknown as BodySources;
      const body = await bodyOf(decodeContent(bytes), sources);
      return body.kind === "attachments" ? body.evidence : body.kind;
    };
    expect(await shown(randomBytes(32), randomBytes(32))).toEqual(facts);
    expect(await shown(randomBytes(32), null)).toBeNull();
  });

  it("leaves a personal item of the wrong shape out, and keeps the others of its message", () => {
    const pinned = { name: "pinned", of: newId(), part: null, changes: 1, value: 1 };
    const wrong = [
      { ...pinned, changes: -1 },
      { ...pinned, changes: 2 ** 53 },
      { ...pinned, value: "x" },
      { ...pinned, of: "me" },
      { ...pinned, name: "riddle" },
      null,
    ];
    const decoded = decodeContent(encode({ v: 1, kind: "own", items: [...wrong, pinned] }));
    expect(decoded).toMatchObject({ kind: "own", items: [pinned] });
  });

  it("is unsupported when it is of a higher version, an unknown kind or the wrong shape", () => {
    const text = { v: 1, kind: "text", text: "x", mentions: [], replyTo: null, forwards: 0 };
    const wrong: readonly unknown[] = [
      { ...text, v: 2 },
      { ...text, kind: "riddle" },
      { v: 1, kind: "poll", question: "?", options: ["Mon"], multiple: true, anonymous: true },
      { v: 1, kind: "mark", messageId: "poll", what: { mark: "close" } },
      { ...text, text: 5 },
      { v: 1, kind: "text", text: "x", mentions: [], replyTo: null },
      { ...text, forwards: 256 },
      { ...text, forwards: -1 },
      { ...text, forwards: 0.5 },
      { ...text, forwards: "5" },
      { ...text, text: "x".repeat(16_385) },
      { ...text, mentions: [{ personId: "me", start: 0, length: 1 }] },
      { ...text, mentions: [{ personId: newId(), start: -1, length: 1 }] },
      { v: 1, kind: "location", latitude: 91, longitude: 0, accuracyM: null, takenMs: 0 },
      { v: 1, kind: "location", latitude: NaN, longitude: 0, accuracyM: null, takenMs: 0 },
      { v: 1, kind: "profile", title: "t", photo: { ...attachment, key: randomBytes(31) } },
      // Somebody else's attachment with another key or size: it would spoil the one that is here.
      { v: 1, kind: "profile", title: "t", photo: { ...attachment, key: randomBytes(32) } },
      { v: 1, kind: "profile", title: "t", photo: { ...attachment, size: 13 } },
      { v: 1, kind: "profile", title: "t", photo: { ...attachment, size: 2 ** 31 + 1 } },
      null,
      [],
      "text",
    ];
    for (const value of wrong) {
      expect(decodeContent(encode(value))).toEqual({ kind: "unsupported" });
    }
  });

  it("is forwarded with one more count, and without author, mentions and quote", () => {
    const forwarded = EVERY_KIND.flatMap((content) => {
      const next = forwardOf(content);
      if (next === null) return [];
      expect(forwardsOf(next)).toBe(Math.min(255, forwardsOf(content) + 1));
      expect([mentionsOf(next), replyOf(next)]).toEqual([[], null]);
      expect(pointersOf(next)).toEqual(pointersOf(content));
      const people = mentions.flatMap((one) => ("personId" in one ? [one.personId] : []));
      const named = [...people, replyTo.personId, replyTo.messageId];
      const bytes = new TextDecoder("latin1").decode(encodeContent(next));
      expect(named.filter((id) => bytes.includes(id))).toEqual([]);
      return [content.kind];
    });
    expect(new Set(forwarded)).toEqual(new Set(["text", "attachments", "location"]));
    expect(forwardOf({ kind: "unsupported" })).toBeNull();
  });

  it("ignores fields it does not know: a later version may add some", () => {
    const text = { kind: "text", text: "x", mentions: [], replyTo: null, forwards: 0 } as const;
    expect(decodeContent(encode({ v: 1, ...text, urgent: true }))).toEqual(text);
  });

  it("never throws, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(decodeContent(bytes).kind).toBeTypeOf("string");
      }),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...EVERY_KIND),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), {
          minLength: 1,
          maxLength: 4,
        }),
        (content, flips) => {
          const bytes = encodeContent(content);
          for (const [at, value] of flips) bytes[at % bytes.length] = value;
          expect(decodeContent(bytes).kind).toBeTypeOf("string");
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
