/**
 * A group whose members go away and come back while its cells are founded, merged and given up, and
 * people and devices come and go. Each act of a schedule does something to whoever is there then.
 */
import { hasCode } from "../../src/failure.ts";
import { newId } from "../../src/octets.ts";
import { Device } from "./device.ts";
import type { Scene } from "./scene.ts";
import type { Act, Step } from "./schedule.ts";

const MOST_PEOPLE = 16;
const MOST_SECOND_DEVICES = 3;
const HOUR_MS = 3_600_000;
/** A day ends an epoch; a key of eight days is refused. */
const SLEEPS_MS = [25 * HOUR_MS, 2 * HOUR_MS, 8 * 24 * HOUR_MS, 25 * HOUR_MS];
const MOST_ASLEEP_MS = 20 * 24 * HOUR_MS;
const READY_MS = 120_000;
const ADMIN = 0;

export class Group {
  readonly devices: Device[] = [];
  /** What was said, by message id. */
  readonly said = new Map<string, { readonly text: string; readonly by: Device }>();
  readonly #scene: Scene;
  readonly #members = new Set<number>();
  #people = 0;
  #asleepMs = 0;
  id = "";
  /** The clients that were in from the beginning. */
  founders: readonly string[] = [];

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  /** A group of so many, everybody in; from then on nothing is quick. */
  async begin(people: number): Promise<void> {
    for (let i = 0; i < people; i++) await this.#enlist();
    const [admin, ...others] = this.devices;
    if (admin === undefined) throw new Error("nobody");
    const { conversationId } = await admin.officer.core.createGroup({
      title: "Force",
      personIds: others.map(({ personId }) => personId),
      photo: null,
      whoMayPost: "everyone",
    });
    this.id = conversationId;
    for (const { person } of this.devices) this.#members.add(person);
    for (const device of this.devices) await this.#ready(device);
    this.founders = this.devices.map(({ clientId }) => clientId);
    for (const device of this.devices) device.slow();
  }

  async do({ act, who, more, thenMs }: Step): Promise<void> {
    await this.#acts[act](who, more);
    await this.#scene.pass(thenMs);
  }

  /** Devices of people who belong, as far as this group knows. */
  get members(): readonly Device[] {
    return this.devices.filter(
      ({ person, where }) => this.#members.has(person) && where !== "gone",
    );
  }

  async says(device: Device, text = `word ${String(this.said.size)}`): Promise<string> {
    const messageId = newId();
    this.said.set(messageId, { text, by: device });
    await device.says(this.id, text, messageId);
    return text;
  }

  readonly #acts: Readonly<Record<Act, (who: number, more: number) => Promise<void>>> = {
    say: async (who, more) => {
      for (let i = 0; i <= more % 3; i++) {
        const device = pick(this.#awake(), who + i * (1 + (more % 5)));
        if (device !== null) await this.says(device);
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
    grows: (who, more) => this.#add(4 + (more % 3), who),
    removes: (who, more) => this.#remove(1 + (more % 2), who),
    shrinks: (who, more) => this.#remove(this.#members.size - 2 - (more % 2), who),
    device: async (who) => {
      const device = pick(this.members, who);
      const people = new Set(this.devices.map(({ person }) => person)).size;
      if (device === null || this.devices.length - people >= MOST_SECOND_DEVICES) return;
      (await this.#register(device.person)).slow();
    },
    revokes: async (who) => {
      const there = this.#there();
      const second = pick(
        this.members.filter((one) => there.some((other) => beside(one, other))),
        who,
      );
      const first = there.find((one) => second !== null && beside(one, second));
      if (second === null || first === undefined) return;
      await first.officer.core.revokeClient(second.clientId);
      await second.goes(0);
      second.where = "gone";
    },
    abandons: (who, more) => this.#abandon(who, more),
    sleeps: (_, more) => {
      const ms = SLEEPS_MS[more % SLEEPS_MS.length] ?? 0;
      if (this.#asleepMs + ms <= MOST_ASLEEP_MS) this.#scene.jump(ms);
      this.#asleepMs += ms;
      return Promise.resolve();
    },
    deaf: async (who, more) => {
      const device = pick(this.#there(), who);
      if (device === null) return;
      if (more % 2 === 0) return device.loses(more >> 1);
      device.deaf();
      for (let i = 0; i < 2; i++) {
        const other = pick(this.#there(), who + 1 + i);
        if (other !== null) await this.says(other);
      }
      await this.#scene.pass(600);
      device.reconnects();
    },
    loses: (who) => {
      pick(this.#there(), who)?.losesAnswers();
      return Promise.resolve();
    },
    forgets: () => this.#scene.forget(this.id),
  };

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

  async #register(person: number): Promise<Device> {
    const device = await Device.register(this.#scene, person);
    this.devices.push(device);
    return device;
  }

  #enlist(): Promise<Device> {
    return this.#register(this.#people++);
  }

  #ready(device: Device): Promise<void> {
    const state = async () => (await device.officer.core.conversation(this.id)).state;
    return device.until(
      "ready",
      READY_MS,
      async () => (await state().catch(() => null)) === "ready",
      state,
    );
  }

  /** The admin, who comes back for it. */
  async #admin(): Promise<Device> {
    const devices = this.members.filter(({ person }) => person === ADMIN);
    const admin = devices.find(({ there }) => there) ?? (devices[0] as Device);
    if (!admin.there) await admin.comes();
    return admin;
  }

  async #change(change: { readonly add?: string[]; readonly remove?: string[] }): Promise<void> {
    const admin = await this.#admin();
    // The answer may be lost for good: then it was done all the same.
    await admin.officer.core.changeMembers(this.id, change).catch((error: unknown) => {
      if (!hasCode(error, "network")) throw error;
    });
  }

  /** Some of those who are added are away. */
  async #add(count: number, who: number): Promise<void> {
    const add: Device[] = [];
    for (let i = 0; i < count; i++) {
      const out = this.devices.filter(
        ({ person, where }) => !this.#members.has(person) && where !== "gone",
      );
      const former = (who + i) % 3 === 0 ? pick(out, who + i) : null;
      if (former === null && this.#people >= MOST_PEOPLE) break;
      const device = former ?? (await this.#enlist());
      device.slow();
      this.#members.add(device.person);
      add.push(device);
      if (((who >> 1) + i) % 2 === 0 && device.there) await device.goes(0);
    }
    if (add.length > 0) await this.#change({ add: add.map(({ personId }) => personId) });
  }

  async #remove(count: number, who: number): Promise<void> {
    const others = [...this.#members].filter((person) => person !== ADMIN);
    const chosen = others.map((_, i) => others[(i + who) % others.length] as number);
    const people = chosen.slice(0, Math.max(0, Math.min(count, others.length - 1)));
    const remove = people.map((person) => this.#personId(person));
    for (const person of people) this.#members.delete(person);
    if (remove.length > 0) await this.#change({ remove });
  }

  #personId(person: number): string {
    return this.devices.find((device) => device.person === person)?.personId ?? "";
  }

  /**
   * Everybody of a cell goes, one of them is removed meanwhile, others talk, and a new device of the
   * cell comes: nobody can commit that Remove, so the cell is given up for another.
   */
  async #abandon(who: number, more: number): Promise<void> {
    const admin = await this.#admin();
    const cell = await this.#cellOf(pick(this.members, who) ?? admin);
    const inside: Device[] = [];
    for (const device of this.members)
      if ((await this.#cellOf(device)) === cell) inside.push(device);
    if (inside.includes(admin) || inside.length < 2) return;
    for (const device of inside) if (device.there) await device.goes(more % 3);
    const removed = inside[more % inside.length] as Device;
    this.#members.delete(removed.person);
    await this.#change({ remove: [removed.personId] });
    await this.says(admin);
    this.#scene.ageRemoves();
    const founder = inside.find(({ person }) => person !== removed.person);
    if (founder === undefined || this.devices.length > MOST_PEOPLE + MOST_SECOND_DEVICES) return;
    (await this.#register(founder.person)).slow();
  }

  #cellOf({ clientId }: Device): Promise<string> {
    return this.#scene.cellOf(this.id, clientId);
  }
}

function pick<T>(from: readonly T[], index: number): T | null {
  return from[index % Math.max(1, from.length)] ?? null;
}

/** Whether these are two devices of one person. */
function beside(one: Device, other: Device): boolean {
  return one !== other && one.person === other.person;
}
