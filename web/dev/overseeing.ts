/** An order to 63,000 people, acknowledged as one looks, for the scripted core. */
import type {
  Core,
  CoreEvent,
  ExportedPerson,
  OrderCounts,
  OrderProgressView,
  OverseenPerson,
} from "@copconnect/client/core";
import type { MessageId, Order, OrderState, PersonId, UnitId } from "@copconnect/client/wire";
import { id } from "#practice/items.ts";
import { pause } from "#practice/station.ts";
import { ME, PEOPLE, UNITS, plate, seeded } from "./organisation.ts";

const ISSUED_MS = Date.now() - 26 * 60_000;
const PAGE = 60;

/** Everybody of the state, spread over the units that have none below them. */
type Overseeing = Core["overseeing"];

export class ScriptedOverseeing implements Overseeing {
  readonly #emit: (event: CoreEvent) => void;
  readonly #own = new Map<UnitId, OrderCounts>();
  readonly #told = new Set<PersonId>();
  #watched: { readonly orderId: MessageId; readonly unitId: UnitId | null } | null = null;
  #cancelled = false;

  constructor(emit: (event: CoreEvent) => void, people: number, lively: boolean) {
    this.#emit = emit;
    const random = seeded(7);
    const parents = new Set(UNITS.map(({ parentId }) => parentId));
    const leaves = UNITS.filter(({ unitId }) => !parents.has(unitId));
    const weights = leaves.map(() => 0.2 + random());
    const whole = weights.reduce((sum, one) => sum + one, 0);
    let left = people;
    for (const [at, { unitId }] of leaves.entries()) {
      const share = Math.round((people * (weights[at] ?? 0)) / whole);
      const owed = at === leaves.length - 1 ? left : Math.min(left, share);
      left -= owed;
      const received = Math.round(owed * (0.85 + 0.14 * random()));
      const read = Math.round(received * (0.7 + 0.25 * random()));
      const acknowledged = Math.round(read * (0.4 + 0.55 * random()));
      const told = Math.round(acknowledged * 0.04);
      const first = Math.round((acknowledged - told) * 0.9);
      const choices = [first, acknowledged - told - first];
      const items = [0.9, 0.7, 0.4].map((done) => Math.round((acknowledged - told) * done));
      const photos = Math.round((acknowledged - told) * 0.8);
      const some = { told, unreadable: 0, photos, choices, items };
      const counts = { owed, received, read, acknowledged, ...some };
      this.#own.set(unitId, counts);
    }
    if (lively) setInterval(() => this.#move(), 1_000);
  }

  #move(): void {
    for (const [unitId, counts] of this.#own) {
      const more = Math.ceil((counts.owed - counts.acknowledged) * 0.02);
      const acknowledged = counts.acknowledged + more;
      const read = Math.max(counts.read, acknowledged);
      const received = Math.max(counts.received, read);
      const choices = counts.choices.map((one, at) => (at === 0 ? one + more : one));
      this.#own.set(unitId, { ...counts, acknowledged, read, received, choices });
    }
    const watched = this.#watched;
    if (watched !== null)
      this.#emit({
        type: "order_counts",
        progress: this.#progress(watched.orderId, watched.unitId),
      });
  }

  #of(unitId: UnitId): OrderCounts {
    const own = this.#own.get(unitId);
    const below = UNITS.filter(({ parentId }) => parentId === unitId);
    return sum([...(own ? [own] : []), ...below.map((unit) => this.#of(unit.unitId))]);
  }

  #progress(orderId: MessageId, unitId: UnitId | null): OrderProgressView {
    const [root] = UNITS;
    const top = unitId ?? root?.unitId ?? null;
    const below = UNITS.filter(({ parentId }) => parentId === top);
    const units = new Map(below.map((unit) => [unit.unitId, this.#of(unit.unitId)]));
    const own = unitId === null ? undefined : this.#own.get(unitId);
    if (unitId !== null && own !== undefined) units.set(unitId, own);
    const total = top === null ? sum([]) : this.#of(top);
    return { orderId, unitId, countedMs: Date.now(), total, units };
  }

  #order(orderId: MessageId): Order {
    return {
      ...{ orderId, conversationId: id(3, 1), seq: 9 as Order["seq"] },
      ...{ headerHash: new Uint8Array(32).fill(171), issuerId: ME.personId, issuedMs: ISSUED_MS },
      terms: {
        t: "order",
        priority: "urgent",
        choices: 2,
        items: 3,
        answers: false,
        photo: true,
        readers: [],
        validUntilMs: null,
        remindMinutes: [],
        escalateMinutes: null,
        escalateBelow: 1,
      },
      texts: [],
      askedSeq: 9 as Order["seq"],
      ...{ withdrawnSeq: null, withdrawnMs: null, escalatedMs: null },
      ...{ owed: false, acknowledgement: null, overseen: true },
    };
  }

  watch(orderId: MessageId | null, unitId: UnitId | null): Promise<void> {
    this.#watched = orderId === null ? null : { orderId, unitId };
    return Promise.resolve();
  }

  async progress(orderId: MessageId, unitId: UnitId | null): Promise<OrderProgressView> {
    return this.#progress(orderId, unitId);
  }

  async totals(orderIds: readonly MessageId[]): ReturnType<Overseeing["totals"]> {
    const units = [...this.#own.values()];
    return orderIds.map((orderId, at) => ({ orderId, total: units[at % units.length] ?? sum([]) }));
  }

  async people(
    _: MessageId,
    query: Parameters<Overseeing["people"]>[1],
  ): ReturnType<Overseeing["people"]> {
    const states: readonly OrderState[] = ["waiting", "received", "read", "acknowledged"];
    const all = PEOPLE.map((person, at): OverseenPerson => {
      const told = this.#told.has(person.personId);
      const state = told ? "acknowledged" : (states[at % 4] ?? "waiting");
      const by = told || at % 12 === 3;
      const given = { createdMs: ISSUED_MS + at * 9_000 };
      const teller = { told: by, toldBy: by ? plate(ME) : null };
      const acknowledgement =
        state === "acknowledged"
          ? {
              ...given,
              ...teller,
              choice: by ? 0 : 1,
              done: by ? 0 : at % 8,
              photo: !by && at % 3 === 0,
            }
          : null;
      return { person, state, acknowledgement };
    });
    const text = query.text?.toLowerCase() ?? "";
    const found = all.filter(
      ({ person, state, acknowledgement }) =>
        (query.state === undefined || state === query.state) &&
        (query.choice === undefined || acknowledgement?.choice === query.choice) &&
        (query.lacking === undefined ||
          (((acknowledgement?.done ?? 0) >> (query.lacking - 1)) & 1) === 0) &&
        (query.photo === undefined || (acknowledgement?.photo === true) === query.photo) &&
        person.names.en.toLowerCase().includes(text),
    );
    const from = Number(query.after ?? "0");
    const next = from + PAGE < found.length ? String(from + PAGE) : null;
    return { people: found.slice(from, from + PAGE), next };
  }

  async curve(orderId: MessageId): ReturnType<Overseeing["curve"]> {
    const { acknowledged } = this.#progress(orderId, null).total;
    const points = Array.from({ length: 240 }, (_, at): [number, number] => {
      const count = Math.round(acknowledged * (1 - Math.exp(-at / 45)));
      return [at + 1, at === 239 ? acknowledged : count];
    });
    return { orderId, stepMs: 6_500, points };
  }

  async answers(): ReturnType<Overseeing["answers"]> {
    const said = ["Two vehicles needed.", "ఇద్దరు సిబ్బంది కావాలి.", "دو گاڑیاں درکار ہیں۔"];
    const answers = PEOPLE.slice(3, 20).map((person, at) => ({
      ...{ personId: person.personId, plate: plate(person), choice: 2 },
      ...{ createdMs: ISSUED_MS + at * 30_000, answer: said[at % 4] ?? null },
      photo: null,
      closed: at % 4 === 3 ? (["answer"] as const) : [],
    }));
    return { answers, next: null };
  }

  async tell(_: MessageId, personIds: readonly PersonId[]): ReturnType<Overseeing["tell"]> {
    return personIds.map((personId, at) => {
      const refused = at === 1;
      if (!refused) this.#told.add(personId);
      return { personId, outcome: refused ? "not_allowed" : "counted" };
    });
  }

  async exportOrder(
    orderId: MessageId,
    format: Parameters<Overseeing["exportOrder"]>[1],
    words: Parameters<Overseeing["exportOrder"]>[2],
    unitId: UnitId | null,
  ): ReturnType<Overseeing["exportOrder"]> {
    this.#cancelled = false;
    const { total } = this.#progress(orderId, unitId);
    for (let done = 0; done < total.owed; done += total.owed / 20) {
      this.#emit({ type: "order_export", orderId, done: Math.round(done), total: total.owed });
      await pause(80);
      if (this.#cancelled) throw Object.assign(new Error("cancelled"), { code: "cancelled" });
    }
    const page = await this.people(orderId, {});
    const people = page.people.map(({ person, state, acknowledgement }): ExportedPerson => ({
      ...{ personId: person.personId, unitId: person.unitId, state },
      name: person.names[words.language as "en"] || person.names.en,
      rank: words.ranks[person.rank] ?? person.rank,
      post: person.post[words.language as "en"] || person.post.en,
      choice: acknowledgement?.choice ?? 0,
      items: "",
      answer: "",
      photo: acknowledgement?.photo === true,
      toldBy: acknowledgement?.told === true ? ME.names.en : "",
      createdMs: acknowledgement?.createdMs ?? null,
      acknowledgedMs: acknowledgement?.createdMs ?? null,
      receivedMs: acknowledgement?.createdMs ?? null,
      recordHash: acknowledgement === null ? "" : "ab".repeat(32),
      record: acknowledgement === null ? "" : btoa("record".repeat(40)),
      verified: acknowledgement !== null,
    }));
    return {
      order: this.#order(orderId),
      ...{ madeMs: Date.now(), sha256: "5e".repeat(32), bytes: 41_234_567, total },
      file: format === "print" ? null : new Blob(["scripted"]),
      ...{ rows: total.owed, signaturesVerified: total.acknowledged },
      refused: [
        {
          personId: id<PersonId>(2, 9),
          name: "Ramesh Goud",
          reason: "O1: signature does not verify",
        },
      ],
      units: new Map(UNITS.map((unit) => [unit.unitId, this.#of(unit.unitId)])),
      people: format === "print" ? people : [],
    };
  }

  cancelExport(): Promise<void> {
    this.#cancelled = true;
    return Promise.resolve();
  }
}

function sum(all: readonly OrderCounts[]): OrderCounts {
  const add = (of: (counts: OrderCounts) => number): number =>
    all.reduce((whole, one) => whole + of(one), 0);
  return {
    ...{ owed: add((one) => one.owed), received: add((one) => one.received) },
    ...{ read: add((one) => one.read), acknowledged: add((one) => one.acknowledged) },
    told: add((one) => one.told),
    unreadable: add((one) => one.unreadable),
    photos: add((one) => one.photos),
    choices: [0, 1].map((at) => add((one) => one.choices[at] ?? 0)),
    items: [0, 1, 2].map((at) => add((one) => one.items[at] ?? 0)),
  };
}
