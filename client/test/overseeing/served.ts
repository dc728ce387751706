/** An order of a small department, and a server that hands out whatever a test puts into it. */
import { fromHex } from "#core/octets.ts";
import { newId } from "#core/ids.ts";
import type { ConversationId, MessageId, PersonId, PostId, UnitId } from "#core/ids.ts";
import { AcknowledgementFormat, sealedHash } from "#core/keys/acknowledgement.ts";
import { inEnglish } from "#core/names.ts";
import type { ExportWords } from "#core/seam/overseeing.ts";
import type { GatheringOptions } from "#core/overseeing/gathering.ts";
import type { Directory, Order, OrderPerson, OrderRecord, OrderState } from "#core/wire.ts";
import type { Signer } from "../support/department.ts";
import { NOW, Scene, type Officer } from "../trust/scene.ts";

export const ORDER: Order = {
  orderId: newId<MessageId>(),
  conversationId: newId<ConversationId>(),
  seq: 7 as Order["seq"],
  headerHash: new Uint8Array(32).fill(9),
  issuerId: newId<PersonId>(),
  issuedMs: NOW - 60_000,
  terms: {
    ...{
      t: "order",
      priority: "urgent",
      choices: 2,
      items: 3,
      answers: false,
      photo: true,
      readers: [],
    },
    ...{ validUntilMs: null, remindMinutes: [], escalateMinutes: null, escalateBelow: 1 },
  },
  texts: [{ seq: 7 as Order["seq"], headerHash: new Uint8Array(32).fill(9) }],
  askedSeq: 7 as Order["seq"],
  ...{ withdrawnMs: null, escalatedMs: null, remindedMs: null },
  ...{ owed: false, acknowledgement: null, overseen: true, reminds: true },
};

const unit = (unitId: string, parentId: string | null): Directory["units"][number] => ({
  unitId: unitId as UnitId,
  parentId: parentId as UnitId | null,
  level: "station",
  names: inEnglish(unitId),
});

export const DIRECTORY: Directory = {
  version: "1",
  units: [unit("TG", null), unit("HYD", "TG"), unit("CHAR", "HYD"), unit("GOLC", "HYD")],
  levels: [],
  ranks: [{ code: "PC", order: 1, names: inEnglish("Constable") }],
  roles: [],
};

export const WORDS: ExportWords = {
  ...{
    language: "en",
    rightToLeft: false,
    verified: "yes",
    photo: "sent",
    unit: "Unit",
    reason: "Reason",
  },
  sheets: { summary: "Summary", units: "Units", people: "People", refused: "Not verified" },
  columns: {
    ...{ name: "Name", rank: "Rank", post: "Post", unit: "Unit", state: "State" },
    ...{
      choice: "Choice",
      items: "Items",
      answer: "Answer",
      photo: "Photo",
      acknowledged: "First acknowledged",
      signed: "Signed",
      received: "Received",
      toldBy: "Told by",
    },
    ...{ verified: "Verified", recordHash: "Record (SHA-256)" },
  },
  counts: {
    ...{ owed: "Owe", received: "Received", read: "Read" },
    ...{
      acknowledged: "Acknowledged",
      told: "Told in person",
      unreadable: "Cannot read it",
      photos: "Sent a photo",
    },
  },
  states: {
    ...{ waiting: "Not received", received: "Received", read: "Read" },
    ...{ acknowledged: "Acknowledged", unreadable: "Cannot read it", left: "Left" },
  },
  facts: [["Order", "Bandobast at Charminar"]],
  choices: ["Understood", "=cmd|'/c calc'!A1"],
  items: ["Lock-up", "Kote", "CCTV"],
  unnamed: { choices: ["Choice 1", "Choice 2"], items: ["Item 1", "Item 2", "Item 3"] },
  ranks: { PC: "Constable" },
  unitNames: new Map(DIRECTORY.units.map(({ unitId }) => [unitId, String(unitId)])),
};

type Values = Parameters<typeof AcknowledgementFormat.sign>[0];

export class Served {
  readonly scene: Scene;
  readonly people: OrderPerson[] = [];
  readonly records: OrderRecord[] = [];
  readonly officers: Officer[] = [];
  /** People in a page. */
  page = 2;
  refusals = 0;

  constructor(scene: Scene) {
    this.scene = scene;
  }

  static async of(names: readonly string[]): Promise<Served> {
    const served = new Served(await Scene.found({ policy: "none" }));
    for (const [at, name] of names.entries())
      await served.officer(name, at % 2 === 0 ? "CHAR" : "GOLC", "waiting");
    return served;
  }

  async officer(name: string, unitId: string, state: OrderState): Promise<Officer> {
    const officer = await this.scene.officer(name);
    await officer.register();
    await officer.card({ name, path: `TG/HYD/${unitId}` });
    this.officers.push(officer);
    const person: OrderPerson["person"] = {
      personId: officer.personId,
      names: inEnglish(`${name} as the server says`),
      ...{ number: "", rank: "PC", postId: newId<PostId>(), post: inEnglish("Constable") },
      ...{ roles: [], unitId: unitId as UnitId, charges: [], registered: true, status: "active" },
    };
    this.people.push({ person, state, acknowledgement: null });
    return officer;
  }

  /** The state that the server states of an officer. */
  say(at: number, state: OrderState): void {
    this.people[at] = { ...(this.people[at] as OrderPerson), state };
  }

  /** A record by an officer's device, about that officer, but for what a test wants otherwise. */
  async record(at: number, other: Partial<Values> = {}, signer?: Signer): Promise<OrderRecord> {
    const officer = this.officers[at] as Officer;
    const by = signer ?? (officer.signers[0] as Signer);
    const values: Values = {
      conversation: fromHex(ORDER.conversationId),
      messageId: fromHex(ORDER.orderId),
      headerHash: ORDER.headerHash,
      textHash: ORDER.headerHash,
      device: by.deviceBytes,
      person: fromHex(officer.personId),
      ...{ told: 0, choice: 1, done: 0, created: NOW - 30_000 },
      ...{ answerHash: sealedHash(null), photoHash: sealedHash(null) },
      ...other,
    };
    const { bytes } = await AcknowledgementFormat.sign(values, by.keys.privateKey);
    const times = { receivedMs: NOW - 29_000, firstCreatedMs: NOW - 30_000 };
    return { record: bytes, answer: null, photo: null, ...times };
  }

  async acknowledge(at: number, other: Partial<Values> = {}, signer?: Signer): Promise<void> {
    this.records.push(await this.record(at, other, signer));
    this.say(at, "acknowledged");
  }

  readonly api: GatheringOptions["api"] = {
    order: () => Promise.resolve(ORDER),
    orderProgress: (orderId, { unit: unitId = null } = {}) => {
      const count = (state: OrderState): number =>
        this.people.filter((one) => one.state === state).length;
      const acknowledged = count("acknowledged");
      const reached = [acknowledged, acknowledged, acknowledged];
      const total = [this.people.length, ...reached, 0, 0, 0, 0, 0, 0, 0, 0];
      return Promise.resolve({ orderId, unitId, countedMs: NOW, items: 3, total, units: {} });
    },
    orderPeople: (_, { after } = {}) => {
      const from = Number(after ?? "0");
      const people = this.people.slice(from, from + this.page);
      const next = from + this.page < this.people.length ? String(from + this.page) : null;
      return Promise.resolve({ people, next });
    },
    orderRecords: (_, { after } = {}) => {
      const from = Number(after ?? "0");
      const records = this.records.slice(from, from + this.page);
      const next = from + this.page < this.records.length ? String(from + this.page) : null;
      return Promise.resolve({ records, people: [...this.scene.bundles.values()], next });
    },
  };
}
