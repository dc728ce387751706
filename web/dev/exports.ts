/** Exports and what they prove, for the scripted core. */
import type {
  Core,
  CoreEvent,
  MadeExport,
  ProvenPerson,
  VerifiedExport,
  VerifiedMessage,
} from "@copconnect/client/core";
import type { ConversationId, MessageId, Person } from "@copconnect/client/wire";
import { id, named, refusal } from "#practice/items.ts";
import { pause } from "#practice/station.ts";
import { PEOPLE, UNITS, deviceId } from "./organisation.ts";

const HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
const MINUTE_MS = 60_000;

function proven(at: number): ProvenPerson {
  const { personId, names, rank, unitId } = PEOPLE[at % PEOPLE.length] as Person;
  const unit = UNITS.find((one) => one.unitId === unitId)?.names ?? named(["", "", "", ""]);
  return {
    personId,
    names,
    rank: named([rank, rank, rank, rank]),
    post: named(["", "", "", ""]),
    unit,
  };
}

function message(at: number, more: Partial<VerifiedMessage>): VerifiedMessage {
  const signedMs = Date.now() - (40 - at) * MINUTE_MS;
  return {
    ...{ at, messageId: id<MessageId>(4, 800_000 + at), device: deviceId(at), sender: proven(at) },
    ...{ signedMs, serverMs: signedMs, state: "proven", deletedBy: null, deletedMs: null },
    ...{
      content: "text",
      text: "",
      page: null,
      former: [],
      reactions: [],
      files: [],
      evidence: null,
    },
    ...{ gap: false, ...more },
  };
}

export class ScriptedExports implements Readonly<Core["exports"]> {
  readonly #emit: (event: CoreEvent) => void;
  readonly #broken: boolean;
  #cancelled = false;

  constructor(emit: (event: CoreEvent) => void, broken: boolean) {
    this.#emit = emit;
    this.#broken = broken;
  }

  async make(conversationId: ConversationId): Promise<MadeExport> {
    this.#cancelled = false;
    for (let done = 0; done <= 1_248; done += 104) {
      if (this.#cancelled) throw refusal("cancelled");
      this.#emit({
        type: "conversation_export",
        conversationId,
        step: "messages",
        done,
        total: 1_248,
      });
      await pause(120);
    }
    const file = new Blob([new Uint8Array(3_100_000)], { type: "application/zip" });
    return {
      file,
      name: "2026-12-01-copconnect-4fa2.zip",
      sha256: HASH,
      messages: 1_248,
      missingFiles: 1,
    };
  }

  cancel(): Promise<void> {
    this.#cancelled = true;
    return Promise.resolve();
  }

  async verify(file: Blob): Promise<VerifiedExport> {
    await pause(300);
    const scene = { name: "scene.jpg", mime: "image/jpeg", size: 2_140_000, sha256: HASH };
    const messages = [
      message(1, {
        text: "బందోబస్తు పాయింట్ 4 దగ్గర ఉన్నాం సార్.",
        reactions: [{ emoji: "👍", people: [proven(2), proven(3)] }],
      }),
      message(2, {
        text: "Report at the south gate at 05:30. Carry torches.",
        former: [
          { text: "Report at the north gate at 05:30.", signedMs: Date.now() - 39 * MINUTE_MS },
        ],
      }),
      message(3, { content: null, state: "deleted", deletedMs: Date.now() - 20 * MINUTE_MS }),
      message(7, {
        ...{ content: "attachments", text: "Shop shutter forced, as found." },
        files: [{ ...scene, state: "proven", file: null }],
        evidence: {
          ...{ madeMs: Date.now() - 35 * MINUTE_MS, phone: "Moto G54" },
          place: { lat: 17.3616, lon: 78.4747, accuracyM: 8 },
        },
      }),
      message(8, { text: "میں چارمینار کے پاس ہوں، پانچ منٹ میں پہنچتا ہوں۔" }),
    ];
    return {
      ...{ sha256: HASH, bytes: file.size, conversationId: id<ConversationId>(3, 0) },
      ...{
        title: "Charminar PS",
        exporter: proven(0),
        madeMs: Date.now(),
        first: 1,
        last: 8,
        messages,
      },
      gaps: [{ from: 4, to: 6, why: "not_chosen" }],
      witnesses: [
        { person: proven(1), upTo: 6 },
        { person: proven(2), upTo: 7 },
      ],
      problems: this.#broken ? [{ at: 5, rule: "R3", reason: "signature does not verify" }] : [],
    };
  }
}
