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
  /** Devices and keys that were judged already. */
  readonly seen: readonly AlarmId[];
  readonly alarms: readonly Alarm[];
  /** The words of the person's card at the last look; null: none was known. */
  readonly card: string | null;
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
      const card = await this.#options.trust.card(this.#options.identity().personId);
      const words = card === null ? (record?.card ?? null) : wordsOf(card);
      const former = record?.card ?? null;
      if (record !== null && fresh.length === 0 && words === former) return;
      // The first look of a new device: other devices were there before it.
      const alarms = fresh
        .filter(({ alarm }) => record !== null || alarm.kind === "key")
        .flatMap(({ alarm, byThis }) => (byThis ? [] : [alarm]));
      if (card !== null && former !== null && words !== former) {
        const { device } = this.#options.identity();
        const of = { device, by: null, sinceMs: card.created };
        alarms.push({ id: idOf<RecordHash>(card.hash), kind: "card", ...of });
      }
      await this.#store({
        card: words,
        seen: [...seen, ...fresh.map(({ alarm }) => alarm.id)],
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
