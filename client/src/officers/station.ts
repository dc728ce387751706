/**
 * A station of simulated officers: real clients that talk like a police station does, and answer
 * everybody who writes to them, in the station's group or directly.
 */
import type { ConversationId, PersonId } from "../ids.ts";
import type { ConversationItem, CoreEvent, MessageItem, Outgoing } from "../seam.ts";
import type { LocalCore } from "../create.ts";
import { pause } from "../transport/backoff.ts";
import type { Person } from "../wire.ts";
import { ANSWERS, CAPTIONS, STATION_LINES, fill } from "./lines.ts";
import { HEIGHT, WIDTH, junction } from "./picture.ts";

export const LABEL = "Simulated officer";
const ENTER_LIMIT_MS = 60_000;
/** Somewhere in the old city; the places in the lines are near. */
const CENTRE = { latitude: 17.3616, longitude: 78.4747 };

export interface StationOptions {
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** Mean time between lines that nobody asked for. */
  readonly everyMs: number;
  /** Bounds of the time it takes to answer. */
  readonly answerMs: readonly [number, number];
  /** How long to wait for the department's own group of the station. */
  readonly standingMs: number;
  readonly log: (what: string) => void;
}

export class Station {
  readonly #options: StationOptions;
  #cores: readonly LocalCore[] = [];
  #staff = new Set<PersonId>();
  #group: ConversationId | null = null;
  #turn = 0;
  #begun: () => void = () => undefined;
  readonly #onDuty = new Promise<void>((resolve) => {
    this.#begun = resolve;
  });

  constructor(options: StationOptions) {
    this.#options = options;
  }

  /**
   * Listen from before the core starts: a message that came while it was away is answered once all
   * are here.
   */
  listen(core: LocalCore): void {
    core.subscribe((event) => {
      this.#heard(core, event).catch((error: unknown) => {
        this.#options.log(`an answer failed: ${String(error)}`);
      });
    });
  }

  /** Begin the duty of these officers: create their group. `invited` are numbers of people. */
  async begin(cores: readonly LocalCore[], invited: readonly string[]): Promise<void> {
    this.#cores = cores;
    for (const core of cores) {
      const { me } = await core.app.state();
      if (me !== null) this.#staff.add(me.personId);
    }
    this.#begun();
    this.#group = await this.#standingGroup(invited);
    await this.#allReady(this.#group);
  }

  /** Talk until the signal. */
  async patrol(): Promise<void> {
    const { random, signal, everyMs, log } = this.#options;
    while (!signal.aborted) {
      await this.#speakUp().catch((error: unknown) => {
        log(`a line failed: ${String(error)}`);
      });
      await pause(everyMs * (0.5 + random()), signal);
    }
  }

  get #leader(): LocalCore {
    const [leader] = this.#cores;
    if (leader === undefined) throw new Error("a station needs officers");
    return leader;
  }

  #someone(): LocalCore {
    this.#turn = (this.#turn + 1 + Math.floor(this.#options.random() * 2)) % this.#cores.length;
    return this.#cores[this.#turn] ?? this.#leader;
  }

  #pick(lines: readonly string[]): string {
    const { random } = this.#options;
    return fill(lines[Math.floor(random() * lines.length)] ?? "", random);
  }

  async #people(numbers: readonly string[]): Promise<readonly Person[]> {
    const found = await Promise.all(
      numbers.map(async (number) => {
        const { people } = await this.#leader.people.search({ text: number, limit: 5 });
        return people.find((person) => person.number === number) ?? null;
      }),
    );
    return found.filter((person) => person !== null);
  }

  /** The station's group: the department's, one that was made before, or a new one. */
  async #standingGroup(invited: readonly string[]): Promise<ConversationId> {
    const core = this.#leader;
    const { me } = await core.app.state();
    const own = await this.#find(
      core,
      ({ standing, whoMaySend }) =>
        standing?.about === "unit" && standing.unitId === me?.unitId && whoMaySend === "everyone",
      this.#options.standingMs,
    );
    if (own !== null) return own.conversationId;
    const { units } = await core.people.directory();
    const unit = units.find(({ unitId }) => unitId === me?.unitId);
    const title = unit?.names.en ?? "Police Station";
    const guests = (await this.#people(invited)).map(({ personId }) => personId);
    const wanted = [...this.#staff, ...guests].filter((id) => id !== me?.personId);
    const standing = await this.#find(core, ({ kind, admin }) => kind === "group" && admin);
    if (standing === null) {
      const made = await core.conversations.createGroup({
        title,
        personIds: wanted,
        photo: null,
        whoMaySend: "everyone",
        history: "30_days",
      });
      return made.conversationId;
    }
    const id = standing.conversationId;
    const members = await core.members.list(id);
    const inside = new Set(members.map(({ plate }) => plate.personId));
    const add = wanted.filter((personId) => !inside.has(personId));
    if (add.length > 0) await core.members.change(id, { add });
    return id;
  }

  /** A conversation that this device is in. Looks again for `limitMs`; without it, until all that the
   * server has is read. */
  async #find(
    core: LocalCore,
    wanted: (item: ConversationItem) => boolean,
    limitMs?: number,
  ): Promise<ConversationItem | null> {
    const deadline = Date.now() + (limitMs ?? 5_000);
    for (;;) {
      const state = await core.app.state();
      const found = (await core.conversations.list()).find(wanted);
      if (found !== undefined) return found;
      const settled = state.connection === "online" && !state.catchingUp;
      if ((settled && limitMs === undefined) || Date.now() > deadline) return null;
      await pause(50, this.#options.signal);
    }
  }

  async #allReady(conversationId: ConversationId): Promise<void> {
    const deadline = Date.now() + ENTER_LIMIT_MS;
    for (const core of this.#cores) {
      for (;;) {
        const item = await core.conversations.get(conversationId).catch(() => null);
        if (item?.state === "ready") break;
        if (Date.now() > deadline || this.#options.signal.aborted) return;
        await pause(100, this.#options.signal);
      }
    }
  }

  async #speakUp(): Promise<void> {
    if (this.#group === null) return;
    const { random } = this.#options;
    const chance = random();
    const outgoing: Outgoing =
      chance < 0.08
        ? this.#picture()
        : chance < 0.2
          ? this.#place()
          : { kind: "text", text: this.#pick(STATION_LINES), mentions: [] };
    const speaker = this.#someone();
    await speaker.messages.send(await this.#where(speaker, this.#group), outgoing, null);
  }

  /** Mostly the station's group; now and then the conversation of units that all may write in. */
  async #where(speaker: LocalCore, group: ConversationId): Promise<ConversationId> {
    if (this.#options.random() < 0.7) return group;
    const wide = (await speaker.conversations.list()).find(
      ({ audience, canSend, state }) => audience !== null && canSend && state === "ready",
    );
    return wide?.conversationId ?? group;
  }

  #picture(): Outgoing {
    const file = junction(this.#options.random);
    const size = { width: WIDTH, height: HEIGHT };
    const attachment = {
      kind: "image",
      file,
      name: "sketch.png",
      mime: "image/png",
      ...size,
    } as const;
    return {
      kind: "attachments",
      text: this.#pick(CAPTIONS),
      mentions: [],
      attachments: [attachment],
    };
  }

  #place(): Outgoing {
    const { random } = this.#options;
    return {
      kind: "location",
      latitude: CENTRE.latitude + (random() - 0.5) / 50,
      longitude: CENTRE.longitude + (random() - 0.5) / 50,
      accuracyM: 5 + Math.round(random() * 30),
      takenMs: Date.now(),
    };
  }

  /** React to what somebody wrote or did who is not one of the simulated officers. */
  async #heard(core: LocalCore, event: CoreEvent): Promise<void> {
    if (event.type !== "notify" || event.reaction !== undefined) return;
    await this.#onDuty;
    if (!this.#cores.includes(core)) return;
    const { item, conversationId } = event;
    const writer = item.sender?.personId ?? null;
    if (writer === null || this.#staff.has(writer)) return;
    const { kind, canSend } = await core.conversations.get(conversationId);
    if (!canSend) return core.messages.markRead(conversationId, item.messageId);
    // In the group one officer answers, in turn; each core hears the message.
    if (kind !== "direct" && !(await this.#isMyTurn(core, item))) return;
    const { random, signal, answerMs } = this.#options;
    const [least, most] = answerMs;
    await pause(least + (most - least) * random(), signal);
    if (signal.aborted) return;
    await core.messages.markRead(conversationId, item.messageId);
    const text = this.#pick(ANSWERS);
    await core.messages.send(conversationId, { kind: "text", text, mentions: [] }, item.messageId);
  }

  /** The message's id says whose turn it is, so that all agree without talking. */
  async #isMyTurn(core: LocalCore, item: MessageItem): Promise<boolean> {
    const turn = parseInt(item.messageId.slice(0, 8), 16) % this.#cores.length;
    const mentioned = item.body.kind === "text" || item.body.kind === "attachments";
    const { me } = await core.app.state();
    const names = mentioned
      ? item.body.mentions.flatMap((one) => ("personId" in one ? [one.personId] : []))
      : [];
    const meant = names.filter((personId) => this.#staff.has(personId));
    if (meant.length > 0) return me !== null && meant.includes(me.personId);
    return this.#cores[turn] === core;
  }
}
