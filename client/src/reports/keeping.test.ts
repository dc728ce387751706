/** A moderator's device opens proofs as they come: which ones, in which order, and what it forgets. */
import { readFileSync } from "node:fs";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { DeviceContext } from "../context.ts";
import { CoreFailure } from "../failure.ts";
import { idOf, newId, type ConversationId, type MessageId } from "../ids.ts";
import type { PersonId, ReportId, SealKeyId } from "../ids.ts";
import { DeviceKeyFormat, sealKeyIdBytes } from "../keys/device-key.ts";
import { X25519, type Kem } from "../keys/hpke.ts";
import { REPORT, reportPlace } from "../keys/proof.ts";
import { sealEnvelope } from "../keys/sealed-envelope.ts";
import { fromHex, randomBytes } from "../octets.ts";
import type { CaseBox } from "../seam/reports.ts";
import type { Change } from "../vault/changes.ts";
import type { Case, CaseDetail } from "../wire.ts";
import { placeOf } from "./judging.ts";
import { Keeping } from "./keeping.ts";
import { REPORT_STORES } from "./record.ts";

interface Golden {
  readonly envelopes: readonly {
    readonly kem: Kem;
    readonly readers: readonly { device_key: string; private_key: string }[];
  }[];
}

const file = new URL("../../../spec/keys/reports.json", import.meta.url);
const golden = JSON.parse(readFileSync(file, "utf8")) as Golden;
const [reader, other] = golden.envelopes.find(({ kem }) => kem === X25519)?.readers ?? [];
const target = DeviceKeyFormat.parse(fromHex(reader?.device_key ?? ""));
const stranger = DeviceKeyFormat.parse(fromHex(other?.device_key ?? ""));
const keyId = sealKeyIdBytes(target);

type Row = Readonly<{ store: string; key: string; value: unknown }>;

/** A server with pages of two cases, and the device's vault. */
class Scene {
  readonly details = new Map<ReportId, CaseDetail>();
  readonly decided = new Set<ReportId>();
  readonly rows = new Map<string, Row>();
  /** The cases that were fetched, and the pages of open ones that were listed. */
  fetched: ReportId[] = [];
  listed = 0;
  fails: (id: ReportId) => CoreFailure | null = () => null;
  nowMs = 1_000_000;
  readonly #ending = new AbortController();

  async report(createdMs: number, to = target): Promise<ReportId> {
    const given = {
      ...{ reportId: newId<ReportId>(), conversationId: newId<ConversationId>(), createdMs },
      ...{ messageId: newId<MessageId>(), headerHash: randomBytes(32) },
      ...{ reportedId: newId<PersonId>(), keyIds: [keyId] },
    } as unknown as Case;
    const place = reportPlace(placeOf(given));
    const content = new Uint8Array([1]);
    const sealed = await sealEnvelope(REPORT, place, content, [to], randomBytes(32));
    const detail = { case: given, sealed, seals: [], appeal: null } as unknown as CaseDetail;
    this.details.set(given.reportId, detail);
    return given.reportId;
  }

  #page(box: CaseBox, after: string | null) {
    const of = ({ reportId }: Case) => (this.decided.has(reportId) ? "decided" : "open") === box;
    const all = [...this.details.values()].map((one) => one.case).filter(of);
    if (box === "open") this.listed++;
    const from = Number(after ?? 0);
    const next = from + 2 < all.length ? String(from + 2) : null;
    return Promise.resolve({ cases: all.slice(from, from + 2), people: [], next });
  }

  #case(id: ReportId): Promise<CaseDetail> {
    this.fetched.push(id);
    const failed = this.fails(id);
    return failed === null
      ? Promise.resolve(this.details.get(id) as CaseDetail)
      : Promise.reject(failed);
  }

  get context(): DeviceContext {
    const name = ({ store, key }: Pick<Row, "store" | "key">) => `${store} ${key}`;
    const write = (changes: readonly Change[]) => {
      for (const one of changes as readonly (Row & { op: string })[])
        if (one.op === "put") this.rows.set(name(one), one);
        else this.rows.delete(name(one));
      return Promise.resolve();
    };
    const privateKey = fromHex(reader?.private_key ?? "");
    return {
      api: {
        cases: ({ box, after }: { box: CaseBox; after: string | null }) => this.#page(box, after),
        case: (id: ReportId) => this.#case(id),
      },
      vault: {
        write,
        get: (store: string, key: string) =>
          Promise.resolve(this.rows.get(name({ store, key }))?.value ?? null),
        all: (store: string) =>
          Promise.resolve(
            [...this.rows.values()].flatMap((r) => (r.store === store ? r.value : [])),
          ),
      },
      ownKeys: {
        keyIds: () => Promise.resolve([idOf<SealKeyId>(keyId)]),
        opener: (id: SealKeyId) =>
          Promise.resolve(id === idOf(keyId) ? { kem: X25519, keyId, privateKey } : null),
      },
      ...{ now: () => this.nowMs, random: () => 0, signal: this.#ending.signal },
    } as unknown as DeviceContext;
  }

  /** The cases whose proofs are in the vault. */
  get kept(): readonly string[] {
    const proofs = [...this.rows.values()].filter(({ store }) => store === REPORT_STORES.proofs);
    return proofs.map(({ key }) => key.split(" ")[1] ?? "");
  }
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("opens each new proof once, the newest first, and passes over one that fails", async () => {
  const scene = new Scene();
  const ids: ReportId[] = [];
  for (const at of [1, 2, 3, 4, 5]) ids.push(await scene.report(at));
  const [one, two, three, four, five] = ids as [ReportId, ReportId, ReportId, ReportId, ReportId];
  const closed = await scene.report(6, stranger);
  const keeping = new Keeping(scene.context, { run: () => Promise.resolve() });
  scene.fails = (id) => (id === four ? new CoreFailure("not_found") : null);
  await keeping.run();
  expect(scene.fetched).toEqual([closed, five, four, three, two, one]);
  expect(scene.kept).toEqual([five, three, two, one]);
  // Neither what is kept nor what does not open is fetched again, and of the lists the last page alone.
  const seven = await scene.report(7);
  [scene.fetched, scene.listed] = [[], 0];
  await keeping.run();
  expect([scene.fetched, scene.listed]).toEqual([[seven], 2]);
  expect(scene.kept).toContain(seven);
});

it("continues by itself after a server that refuses so many requests", async () => {
  const scene = new Scene();
  const ids = [await scene.report(1), await scene.report(2), await scene.report(3)];
  let left = 1;
  scene.fails = () =>
    left-- > 0 ? null : new CoreFailure("rate_limited", { retry: true, retryAfterMs: 60_000 });
  const keeping = new Keeping(scene.context, { run: () => Promise.resolve() });
  await keeping.run();
  expect([scene.kept, scene.fetched.length]).toEqual([[ids[2]], 2]);
  scene.fails = () => null;
  vi.advanceTimersByTime(60_000);
  vi.useRealTimers();
  await vi.waitFor(() => expect(scene.kept).toEqual([ids[2], ids[1], ids[0]]));
});

it("forgets the proofs of cases that are listed no more, and of all where the right is lost", async () => {
  const scene = new Scene();
  const [open, decided, pruned] = [
    await scene.report(1),
    await scene.report(2),
    await scene.report(3),
  ];
  const keeping = new Keeping(scene.context, { run: () => Promise.resolve() });
  await keeping.run();
  expect(scene.kept).toHaveLength(3);
  scene.decided.add(decided);
  scene.details.delete(pruned);
  scene.nowMs += 24 * 3_600_000;
  await keeping.run();
  expect(scene.kept.toSorted()).toEqual([open, decided].toSorted());
  await keeping.forgetAll();
  expect(scene.rows.size).toBe(0);
});
