/**
 * People whose devices talk in a group and in a direct conversation while they go away and come
 * back, are added and removed, register and lose devices, forget secrets, and while a member misbehaves.
 * Each act of a schedule does something to the devices that are there then.
 */
import { hasCode } from "#core/failure.ts";
import { randomBytes } from "#core/octets.ts";
import { newId } from "#core/ids.ts";
import type { ConfirmationView } from "#core/core.ts";
import type { ConversationId, DeviceId, MessageId, PersonId } from "#core/ids.ts";
import { DAY_MS, HOUR_MS } from "#core/keys/format/times.ts";
import { numberOf } from "../support/people.ts";
import { Insider } from "../support/insider.ts";
import { personIdOf } from "../memory/people.ts";
import { newest } from "../memory/rosters.ts";
import type { MemoryServer } from "../memory/server.ts";
import type { ConversationState } from "../memory/state.ts";
import { Device } from "./device.ts";
import type { Act, Schedule, Step } from "./schedule.ts";
import type { SimulatedTime } from "./time.ts";
import { accepted } from "./truth.ts";

const MOST_PEOPLE = 9;
const MOST_SECOND_DEVICES = 3;
/** A day ends a key; at eight days a cell key is over. */
const SLEEPS_MS = [25 * HOUR_MS, 2 * HOUR_MS, 8 * DAY_MS, HOUR_MS];
const MOST_ASLEEP_MS = 20 * DAY_MS;
const READY_MS = 120_000;
const CONFIRM_MS = 30_000;
const POLL_MS = 250;
const ADMIN = 0;
/** The index of the member without a core, who misbehaves. */
const INSIDER = 90;

export interface Said {
  readonly text: string;
  readonly by: Device;
  readonly conversationId: ConversationId;
}

export class Force {
  readonly devices: Device[] = [];
  /** The messages that people wrote, by message id. */
  readonly said = new Map<MessageId, Said>();
  readonly server: MemoryServer;
  readonly time: SimulatedTime;
  /** Somebody has sent what honest devices refuse. */
  mischief = false;
  /** The server went back to a backup. */
  restored = false;
  /** The devices that might read a message before the server went back. */
  readonly given = new Map<MessageId, Set<DeviceId>>();
  #insider: Insider | null = null;
  readonly #members = new Set<number>();
  #people = 0;
  #asleepMs = 0;
  group = "" as ConversationId;
  direct = "" as ConversationId;

  constructor(server: MemoryServer, time: SimulatedTime) {
    this.server = server;
    this.time = time;
  }

  get conversations(): readonly ConversationId[] {
    return [this.group, this.direct];
  }

  /** A group of so many and one who has not registered; two of them talk in private, too. */
  async begin({ people, historyDays }: Schedule): Promise<void> {
    for (let i = 0; i < people; i++) this.#members.add((await this.#enlist()).person);
    this.#members.add(this.#people);
    const [admin, other] = this.devices as [Device, Device];
    this.#insider = await Insider.register(this.server, INSIDER);
    const others = [...this.#members].filter((person) => person !== ADMIN).map(personOf);
    const { conversationId } = await admin.officer.core.conversations.createGroup({
      title: "Force",
      personIds: [...others, this.#insider.personId],
      ...{ photo: null, whoMaySend: "everyone" },
      history: historyDays === 0 ? "none" : "30_days",
    });
    this.group = conversationId;
    this.#people += 1;
    this.direct = (
      await admin.officer.core.conversations.openDirect(other.personId)
    ).conversationId;
    for (const device of this.devices) await this.#ready(device, this.group);
    await this.#ready(other, this.direct);
    for (const device of this.devices) device.slow();
  }

  async do({ act, who, more, thenMs }: Step): Promise<void> {
    await this.#acts[act](who, more);
    await this.time.pass(thenMs);
  }

  async says(
    device: Device,
    conversationId: ConversationId,
    text = `word ${String(this.said.size)}`,
  ) {
    const messageId: MessageId = newId();
    this.said.set(messageId, { text, by: device, conversationId });
    await device.says(conversationId, text, messageId);
    return text;
  }

  readonly #acts: Readonly<Record<Act, (who: number, more: number) => Promise<void>>> = {
    say: async (who, more) => {
      for (let i = 0; i <= more % 3; i++) {
        const device = pick(this.#awake(), who + i * (1 + (more % 5)));
        if (device !== null) await this.says(device, this.#chosen(device, more));
      }
    },
    goes: async (who, more) => {
      const there = this.#there();
      // Somebody stays, or nothing happens for the rest of the run.
      for (let i = 0; i <= (more >> 2) % 3 && there.length - i > 1; i++)
        await pick(this.#there(), who + i)?.goes(more % 3);
    },
    comes: async (who, more) => {
      for (let i = 0; i <= more % 3; i++) await pick(this.#away(), who + i)?.comes();
    },
    adds: (who, more) => this.#add(1 + (more % 2), who),
    removes: (who, more) => this.#remove(1 + (more % 2), who),
    registers: async (who) => {
      const registered = new Set(this.devices.map(({ person }) => person));
      const person = pick(
        [...this.#members].filter((one) => !registered.has(one)),
        who,
      );
      if (person !== null) (await this.#register(person)).slow();
    },
    device: async (who) => {
      const first = pick(this.members, who);
      const people = new Set(this.devices.map(({ person }) => person)).size;
      if (first === null || this.devices.length - people >= MOST_SECOND_DEVICES) return;
      (await this.#register(first.person)).slow();
    },
    confirms: async (who) => {
      const pending = this.devices.filter((device) => device.there && !this.#confirmed(device));
      const device = pick(pending, who);
      const by = device === null ? null : this.#endorserOf(device);
      if (device !== null && by !== null) await this.#compare(by, device);
    },
    revokes: async (who) => {
      const there = this.#there();
      const second = pick(
        this.members.filter((one) => there.some((other) => beside(one, other))),
        who,
      );
      const first = there.find((one) => second !== null && beside(second, one));
      if (second === null || first === undefined || !this.#confirmed(first)) return;
      await first.officer.core.devices.revoke(second.device).catch((error: unknown) => {
        const codes = ["network", "revocation_invalid", "device_unconfirmed"];
        // Its person has not looked at the list of devices yet.
        if (!hasCode(error, ...codes, "not_found")) throw error;
      });
      if (!this.server.people.client(second.clientId).revoked) return;
      if (second.where !== "closed") await second.goes(0);
      second.where = "gone";
    },
    forgets: async (who, more) => {
      await pick(this.#awake(), who)?.forgets(more);
    },
    sleeps: (_, more) => {
      const ms = SLEEPS_MS[more % SLEEPS_MS.length] ?? 0;
      if (this.#asleepMs + ms <= MOST_ASLEEP_MS) this.time.jump(ms);
      this.#asleepMs += ms;
      return Promise.resolve();
    },
    deaf: async (who, more) => {
      const device = pick(this.#there(), who);
      if (device === null) return;
      device.loses(more);
      for (let i = 0; i < more % 3; i++) {
        const other = pick(this.#there(), who + 1 + i);
        if (other !== null) await this.says(other, this.#chosen(other, more));
      }
      await this.time.pass(600);
      if (more % 2 === 0) device.reconnects();
    },
    loses: (who) => {
      pick(this.#there(), who)?.losesAnswers();
      return Promise.resolve();
    },
    rubbish: (_, more) => this.#misbehave(more),
    restarts: () => this.server.restart(),
    restores: async (who, more) => {
      const backup = this.server.backup();
      for (let i = 0; i <= more % 4; i++) {
        const device = pick(this.#awake(), who + i);
        if (device !== null) await this.says(device, this.#chosen(device, more + i));
      }
      await this.time.pass(more % 2 === 0 ? 400 : 6_000);
      for (const id of this.conversations) this.#remember(id);
      await this.server.restore(backup);
      this.restored = true;
    },
  };

  /** Devices keep what they were given before the server went back. */
  #remember(id: ConversationId): void {
    for (const { messageId, allowed } of accepted(this.server, id)) {
      const known = this.given.get(messageId) ?? new Set();
      allowed.forEach((device) => known.add(device));
      this.given.set(messageId, known);
    }
  }

  // --- Who there is ---------------------------------------------------------------------------

  /** Devices of people who belong, as far as this force knows. */
  get members(): readonly Device[] {
    return this.devices.filter(
      ({ person, where }) => this.#members.has(person) && where !== "gone",
    );
  }

  /** Members who can write: without a network it waits. */
  #awake(): readonly Device[] {
    return this.members.filter(({ where }) => where === "online" || where === "offline");
  }

  #there(): readonly Device[] {
    return this.members.filter(({ there }) => there);
  }

  #away(): readonly Device[] {
    return this.members.filter(({ there }) => !there);
  }

  #chosen({ person }: Device, more: number): ConversationId {
    return person < 2 && more % 3 === 0 ? this.direct : this.group;
  }

  #confirmed({ clientId }: Device): boolean {
    return this.server.judge.confirmed(this.server.people.client(clientId));
  }

  async #register(person: number): Promise<Device> {
    const device = await Device.register(this.time, this.server, person);
    this.devices.push(device);
    return device;
  }

  #enlist(): Promise<Device> {
    return this.#register(this.#people++);
  }

  #ready(device: Device, conversationId: ConversationId): Promise<void> {
    const ready = async (): Promise<boolean> => {
      const list = await device.officer.core.conversations.list();
      return list.find((one) => one.conversationId === conversationId)?.state === "ready";
    };
    return this.until(`${device.toString()} ready`, READY_MS, ready);
  }

  /** Wait for a condition, `limitMs` at most. */
  async until(what: string, limitMs: number, condition: () => Promise<boolean>): Promise<void> {
    for (let ms = 0; !(await condition()); ms += POLL_MS) {
      if (ms > limitMs) throw new Error(`never: ${what}`);
      await this.time.pass(POLL_MS);
    }
  }

  // --- Members ----------------------------------------------------------------------------------

  /** A confirmed device of the admin, who comes back for it. */
  async #admin(): Promise<Device> {
    const devices = this.members.filter(
      (device) => device.person === ADMIN && this.#confirmed(device),
    );
    const admin = devices.find(({ there }) => there) ?? (devices[0] as Device);
    if (!admin.there) await admin.comes();
    return admin;
  }

  async #change(change: {
    readonly add?: PersonId[];
    readonly remove?: PersonId[];
  }): Promise<void> {
    const admin = await this.#admin();
    // The answer may be lost for good: then it was done all the same, or not.
    await admin.officer.core.members.change(this.group, change).catch((error: unknown) => {
      if (!hasCode(error, "network")) throw error;
    });
    this.#membersAre();
  }

  /** The server says who belongs. */
  #membersAre(): void {
    const { members } = this.server.conversation(this.group);
    this.#members.clear();
    for (let person = 0; person < this.#people; person++)
      if (members.get(personOf(person))?.removedMs === null) this.#members.add(person);
  }

  /** Some were members before, some have not registered, some are away. */
  async #add(count: number, who: number): Promise<void> {
    const add: number[] = [];
    for (let i = 0; i < count; i++) {
      const out = Array.from({ length: this.#people }, (_, person) => person).filter(
        (person) => !this.#members.has(person) && !add.includes(person),
      );
      const former = (who + i) % 2 === 0 ? pick(out, who + i) : null;
      if (former !== null) add.push(former);
      else if (this.#people >= MOST_PEOPLE) break;
      else if ((who >> 2) % 3 === 0) add.push(this.#people++);
      else {
        const device = await this.#enlist();
        device.slow();
        add.push(device.person);
        if ((who >> 1) % 2 === 0) await device.goes(0);
      }
    }
    if (add.length > 0) await this.#change({ add: add.map(personOf) });
  }

  async #remove(count: number, who: number): Promise<void> {
    const others = [...this.#members].filter((person) => person !== ADMIN);
    const chosen = others.map((_, i) => others[(i + who) % others.length] as number);
    const people = chosen.slice(0, Math.max(0, Math.min(count, others.length - 1)));
    if (people.length > 0) await this.#change({ remove: people.map(personOf) });
  }

  // --- Devices ------------------------------------------------------------------------------------

  /** Another device of the same person, confirmed and there. */
  #endorserOf(device: Device): Device | null {
    const own = this.devices.filter((other) => beside(device, other) && other.there);
    return own.find((other) => this.#confirmed(other)) ?? null;
  }

  /** E3: the person taps on the new device, reads its digits and types them on the one at hand. */
  async #compare(by: Device, fresh: Device): Promise<void> {
    try {
      const { confirmationId } = await by.officer.core.devices.beginConfirmation(fresh.device);
      const shown = async (): Promise<ConfirmationView | undefined> => {
        const all = await fresh.officer.core.devices.confirmations();
        return all.find((one) => one.confirmationId === confirmationId);
      };
      await this.until("digits", CONFIRM_MS, async () => (await shown()) !== undefined);
      await fresh.officer.core.devices.answerConfirmation(confirmationId);
      await this.until("digits", CONFIRM_MS, async () => (await shown())?.digits != null);
      await by.officer.core.devices.confirmDigits(confirmationId, (await shown())?.digits ?? "");
    } catch (error) {
      // One of them had no network meanwhile, or the time ran out: it stays unconfirmed for now.
      const expected = hasCode(error, "network", "confirmation_over", "device_unconfirmed");
      if (!expected && !String(error).includes("never: digits")) throw error;
    }
  }

  // --- A dishonest member ---------------------------------------------------------------------

  /** Keys with rubbish in their seals, keys that most are left out of, messages that are no messages. */
  async #misbehave(more: number): Promise<void> {
    const insider = this.#insider;
    const conversation = this.server.conversation(this.group);
    if (insider === null || !isMember(conversation, insider.personId)) return;
    this.mischief = true;
    const leaves = [...newest(conversation).leaves.keys()];
    const leftOut = leaves.filter((device) => device !== insider.signer.device);
    try {
      if (more % 3 === 1) await insider.makeKey(this.group, { leftOut });
      else {
        const key = await insider.makeKey(this.group, { sealed: randomBytes(32) });
        if (more % 3 === 2)
          await insider.post(this.group, await insider.message(this.group, key, randomBytes(40)));
      }
    } catch (error) {
      const codes = ["have_key", "rate_limited", "not_member", "stale_record", "stale_key"];
      if (!hasCode(error, ...codes, "seals_invalid")) throw error;
    }
  }
}

function isMember(conversation: ConversationState, personId: PersonId): boolean {
  return conversation.members.get(personId)?.removedMs === null;
}

function personOf(index: number): PersonId {
  return personIdOf(numberOf(index));
}

function pick<T>(from: readonly T[], index: number): T | null {
  return from[index % Math.max(1, from.length)] ?? null;
}

/** Whether these are two devices of one person. */
function beside(one: Device, other: Device): boolean {
  return one !== other && one.person === other.person;
}
