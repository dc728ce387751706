/**
 * E5: what this device's person must be told, because somebody may act in their name.
 *
 * - A device of theirs was confirmed and this device did not endorse it.
 * - A DeviceKey of this very device, rightly signed, that it did not make: its keys were copied.
 *
 * A change of this person's card is kept here, too: whoever can sign cards could move the person
 * under another admin. So is the audit log's alarm (T1): the log is another than the one that this device saw.
 *
 * Judged from verified records alone. Devices and keys that are older than this device raise
 * no alarm: a new phone is not warned about the older one. `meta/alarms` keeps what was seen and
 * what is still unread; a crash before it is written raises the same alarm again, once.
 */
import type { Identity } from "../context.ts";
import type { DeviceKey } from "../keys/device-key.ts";
import { authorityNumberOf } from "../keys/trust/department.ts";
import type { PersonCard } from "../keys/trust/person-card.ts";
import { idOf } from "../ids.ts";
import type { AlarmId, DeviceId, PersonId, RecordHash } from "../ids.ts";
import { wordsOf } from "../trust/taking.ts";
import type { PeopleTrust } from "../trust/people-trust.ts";
import { META, putMeta } from "../vault/meta.ts";
import type { Vault } from "../vault/vault.ts";

export interface Alarm {
  readonly id: AlarmId;
  readonly kind: "device" | "key" | "log" | "card";
  readonly device: DeviceId;
  /** The person who confirmed the device. */
  readonly by: PersonId | null;
  readonly sinceMs: number | null;
}

/** Something that an alarm could be about. `byThis`: this device endorsed it. */
interface Found {
  readonly alarm: Alarm;
  readonly byThis: boolean;
}

/** `meta/alarms`. */
interface AlarmsRecord {
  /** Devices, keys and cards that were judged already. */
  readonly seen: readonly AlarmId[];
  readonly alarms: readonly Alarm[];
  /** The person's newest card at the last look; null: none was known. */
  readonly card: { readonly number: number; readonly words: string } | null;
}

/**
 * The fresh ones of a person's cards that say something else than the card before: also one that was
 * replaced before this device saw it. Another roster authority signs all former cards anew: of those the
 * newest alone is compared.
 */
function changed(
  cards: readonly PersonCard[],
  fresh: readonly PersonCard[],
  former: AlarmsRecord["card"],
): readonly PersonCard[] {
  if (former === null) return [];
  const newest = cards.at(-1);
  const renewed =
    newest !== undefined && authorityNumberOf(newest.number) !== authorityNumberOf(former.number);
  const looked = renewed ? [newest] : cards;
  return looked.filter((card, index) => {
    const before = looked[index - 1];
    return (
      fresh.includes(card) &&
      wordsOf(card) !== (before === undefined ? former.words : wordsOf(before))
    );
  });
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
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: AlarmsOptions) {
    this.#options = options;
  }

  async list(): Promise<readonly Alarm[]> {
    return (await this.#record())?.alarms ?? [];
  }

  /** The person has read it. */
  acknowledge(id: AlarmId): Promise<void> {
    return this.#inTurn(async () => {
      const record = await this.#record();
      if (record === null) return;
      const alarms = record.alarms.filter((alarm) => alarm.id !== id);
      await this.#store({ ...record, alarms });
    });
  }

  /** The server showed a log that does not go on from the one that was seen; each once. */
  async raiseLog(root: Uint8Array): Promise<void> {
    await this.check();
    const { device } = this.#options.identity();
    const id = idOf<RecordHash>(root);
    const alarm: Alarm = { id, kind: "log", device, by: null, sinceMs: this.#options.now() };
    await this.#inTurn(async () => {
      const record = await this.#record();
      if (record?.seen.includes(id) === true) return;
      const alarms = [...(record?.alarms ?? []), alarm];
      const seen = [...(record?.seen ?? []), id];
      await this.#store({ card: null, ...record, seen, alarms });
    });
  }

  /** Look at this person's devices and keys. Called whenever their records are others. */
  check(): Promise<void> {
    return this.#inTurn(async () => {
      const found = await this.#found();
      const record = await this.#record();
      const seen = new Set(record?.seen ?? []);
      const fresh = found.filter(({ alarm }) => !seen.has(alarm.id));
      const cards = await this.#options.trust.cards(this.#options.identity().personId);
      const freshCards = cards.filter(({ hash }) => !seen.has(idOf<RecordHash>(hash)));
      if (record !== null && fresh.length === 0 && freshCards.length === 0) return;
      // The first look of a new device: other devices were there before it.
      const alarms = fresh
        .filter(({ alarm }) => record !== null || alarm.kind === "key")
        .flatMap(({ alarm, byThis }) => (byThis ? [] : [alarm]));
      const { device } = this.#options.identity();
      for (const { hash, created } of changed(cards, freshCards, record?.card ?? null))
        alarms.push({
          id: idOf<RecordHash>(hash),
          kind: "card",
          device,
          by: null,
          sinceMs: created,
        });
      const newest = cards.at(-1);
      await this.#store({
        card:
          newest === undefined
            ? (record?.card ?? null)
            : { number: newest.number, words: wordsOf(newest) },
        seen: [
          ...seen,
          ...fresh.map(({ alarm }) => alarm.id),
          ...freshCards.map(({ hash }) => idOf<RecordHash>(hash)),
        ],
        alarms: [...(record?.alarms ?? []), ...alarms],
      });
    });
  }

  /** Everything that an alarm could be about, right now. */
  async #found(): Promise<readonly Found[]> {
    const { trust, identity, hasMade, now } = this.#options;
    const own = identity();
    const found: Found[] = [];
    for (const device of await trust.devicesOf(own.personId)) {
      if (device === own.device) continue;
      const verdict = await trust.verdict(own.personId, device, now());
      if (verdict.confirmed === "no") continue;
      const { by, byDevice, sinceMs } = verdict;
      const alarm: Alarm = { id: device, kind: "device", device, by, sinceMs };
      found.push({ alarm, byThis: byDevice === own.device });
    }
    for (const key of await trust.keysOf(own.personId)) {
      if (idOf(key.device) !== own.device || (await hasMade(key))) continue;
      const of = { device: own.device, by: null, sinceMs: key.created };
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

  #inTurn(step: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(step);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}
