/**
 * E5: alarms for this device's person, because somebody may act in that person's name.
 *
 * - A device of theirs was confirmed and this device did not endorse it.
 * - A DeviceKey of this very device, rightly signed, that it did not make: its keys were copied.
 *
 * Each change of the words on this person's card is kept here, too: a person who can sign cards
 * could move the person under another admin, and back. So are cards of anybody that E4 refuses, and
 * the audit log's alarm (T1): the log is another than the one that this device saw.
 *
 * Judged from verified records alone. Devices and keys that are older than this device raise
 * no alarm: a new phone is not warned about the older one. `meta/alarms` keeps the seen changes
 * and the unread ones; a crash before it is written raises the same alarm again, once.
 */
import type { Identity } from "../context.ts";
import type { DeviceKey } from "../keys/device-key.ts";
import { idOf, type AlarmId, type PersonId, type RecordHash } from "../ids.ts";
import type { PersonCard } from "../keys/trust/person-card.ts";
import type { AlarmView } from "../seam/devices.ts";
import type { PeopleTrust } from "../trust/people-trust.ts";
import type { RefusedCard } from "../trust/ports.ts";
import { META, putMeta } from "../vault/changes.ts";
import type { Vault } from "../vault/vault.ts";
import { SerialQueue } from "../serial-queue.ts";

export interface Alarm extends Omit<AlarmView, "person"> {
  readonly person: PersonId | null;
}

/** Something that an alarm could be about. `byThis`: this device endorsed it. */
interface AlarmCandidate {
  readonly alarm: Alarm;
  readonly byThis: boolean;
}

interface CardSeen {
  readonly createdMs: number;
  readonly words: string;
}

/** A forger can sign a card of each person: so many say all that there is to say. */
const MOST_REFUSED_CARDS = 10;

/** `meta/alarms`. */
interface AlarmsRecord {
  /** Devices, keys and cards that were judged already. */
  readonly seen: readonly AlarmId[];
  readonly alarms: readonly Alarm[];
  /** The person's newest card at the last look; null: none was known. */
  readonly card: CardSeen | null;
}

export interface AlarmsOptions {
  readonly vault: Pick<Vault, "get" | "write">;
  readonly trust: PeopleTrust;
  readonly identity: () => Identity;
  readonly hasMade: (key: DeviceKey) => Promise<boolean>;
  readonly now: () => number;
  readonly onAlarm: () => void;
}

export class Alarms {
  readonly #options: AlarmsOptions;
  readonly #queue = new SerialQueue();

  constructor(options: AlarmsOptions) {
    this.#options = options;
  }

  async list(): Promise<readonly Alarm[]> {
    return (await this.#record())?.alarms ?? [];
  }

  /** The person has read it. */
  acknowledge(id: AlarmId): Promise<void> {
    return this.#queue.run(async () => {
      const record = await this.#record();
      if (record === null) return;
      const alarms = record.alarms.filter((alarm) => alarm.id !== id);
      await this.#store({ ...record, alarms });
    });
  }

  /**
   * The server showed a log that does not continue from the one that was seen; each once, and none beside an
   * unread one: the root changes with each entry.
   */
  async raiseLog(root: Uint8Array): Promise<void> {
    const id = idOf<RecordHash>(root);
    await this.#raise({ id, kind: "log", person: null, sinceMs: this.#options.now() });
  }

  /** A card that the roster authority signed was refused (E4); each once, and the first few people's. */
  async raiseRefusedCard({ personId, card }: RefusedCard): Promise<void> {
    const id = idOf<RecordHash>(card.hash);
    await this.#raise({ id, kind: "refusedCard", person: personId, sinceMs: card.created });
  }

  async #raise(raised: Omit<Alarm, "device">): Promise<void> {
    await this.check();
    const alarm: Alarm = { ...raised, device: this.#options.identity().device };
    await this.#queue.run(async () => {
      const record = await this.#record();
      if (record === null || record.seen.includes(alarm.id)) return;
      const unread = record.alarms.filter(({ kind }) => kind === alarm.kind);
      const known = unread.some(({ person }) => person === alarm.person);
      if (known || unread.length >= MOST_REFUSED_CARDS) return;
      const alarms = [...record.alarms, alarm];
      await this.#store({ ...record, seen: [...record.seen, alarm.id], alarms });
    });
  }

  /** Look at this person's devices and keys. Called whenever their records are others. */
  check(): Promise<void> {
    return this.#queue.run(async () => {
      const found = await this.#found();
      const record = await this.#record();
      const seen = new Set(record?.seen ?? []);
      const fresh = found.filter(({ alarm }) => !seen.has(alarm.id));
      const former = record?.card ?? null;
      const cards = await this.#cardsAfter(former);
      if (record !== null && fresh.length === 0 && cards.length === 0) return;
      // The first look of a new device: other devices were there before it.
      const alarms = fresh
        .filter(({ alarm }) => record !== null || alarm.kind === "key")
        .flatMap(({ alarm, byThis }) => (byThis ? [] : [alarm]));
      const { device } = this.#options.identity();
      let card = former;
      for (const { hash, created, ...said } of cards) {
        const words = wordsOf(said);
        const of = { device, person: null, sinceMs: created };
        if (card !== null && card.words !== words)
          alarms.push({ id: idOf<RecordHash>(hash), kind: "card", ...of });
        card = { createdMs: created, words };
      }
      await this.#store({
        card,
        seen: [...seen, ...fresh.map(({ alarm }) => alarm.id)],
        alarms: [...(record?.alarms ?? []), ...alarms],
      });
    });
  }

  /**
   * This person's cards since the one that was seen last: what another roster authority signed again
   * bears the former dates. The first look sees the newest alone.
   */
  async #cardsAfter(seen: CardSeen | null): Promise<readonly PersonCard[]> {
    const cards = await this.#options.trust.cardsOf(this.#options.identity().personId);
    return seen === null
      ? cards.slice(-1)
      : cards.filter(({ created }) => created > seen.createdMs);
  }

  /** Everything that an alarm could be about, right now. */
  async #found(): Promise<readonly AlarmCandidate[]> {
    const { trust, identity, hasMade, now } = this.#options;
    const own = identity();
    const found: AlarmCandidate[] = [];
    for (const device of await trust.devicesOf(own.personId)) {
      if (device === own.device) continue;
      const verdict = await trust.verdict(own.personId, device, now());
      if (verdict.confirmed === "no") continue;
      const { by, byDevice, sinceMs } = verdict;
      const alarm: Alarm = { id: device, kind: "device", device, person: by, sinceMs };
      found.push({ alarm, byThis: byDevice === own.device });
    }
    for (const key of await trust.keysOf(own.personId)) {
      if (idOf(key.device) !== own.device || (await hasMade(key))) continue;
      const of = { device: own.device, person: null, sinceMs: key.created };
      found.push({ alarm: { id: idOf<RecordHash>(key.hash), kind: "key", ...of }, byThis: false });
    }
    return found;
  }

  async #record(): Promise<AlarmsRecord | null> {
    return this.#options.vault.get<AlarmsRecord>(META, "alarms");
  }

  async #store(record: AlarmsRecord): Promise<void> {
    await this.#options.vault.write([putMeta("alarms", record)]);
    this.#options.onAlarm();
  }
}

/** All that a card says of its person, to compare two. */
function wordsOf({
  names,
  rank,
  post,
  path,
}: Pick<PersonCard, "names" | "rank" | "post" | "path">) {
  return JSON.stringify([names, rank, post, path]);
}
