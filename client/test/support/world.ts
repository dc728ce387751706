/**
 * People with devices, real cores all, and the server that they share: in memory ({@link World}) or a
 * real one ({@link serverWorld}). Everything ends with the test file.
 */
import { IDBFactory } from "fake-indexeddb";
import { afterAll, beforeAll } from "vitest";
import type { CoreOptions } from "#core/create.ts";
import { Officer, type OfficersServer } from "./officer.ts";
import type { Fetch } from "#core/transport/http.ts";
import { Network } from "./network.ts";
import { MemoryServer, type MemoryOptions } from "../memory/server.ts";
import { SimulatedTime } from "../simulated/time.ts";
import { TestServer } from "./server.ts";

const NAMES = [
  "Asha",
  "Balu",
  "Chandra",
  "Divya",
  "Esha",
  "Farhan",
  "Gita",
  "Hari",
  "Indu",
  "Jyoti",
];
/** Three Python processes on a machine that others use too. */
const START_LIMIT_MS = 120_000;
const SETTLE_MS = 30_000;
const POLL_MS = 20;
/** Each look asks every core for its whole list. */
const LAST_POLL_MS = 500;
/** Nothing has been under way for so many looks. */
const QUIET_LOOKS = 3;

/** Somebody's device and the network that leads from it to the server. */
export interface Placed {
  readonly officer: Officer;
  readonly network: Network;
  readonly index: number;
}

export interface WorldOptions extends MemoryOptions {
  readonly people?: number;
}

export class World<S extends OfficersServer = MemoryServer> {
  readonly server: S;
  readonly placed: Placed[] = [];
  #next = 0;

  constructor(server: S) {
    this.server = server;
  }

  /** A server in memory with so many people, one device each. */
  static async make(options: WorldOptions = {}): Promise<World> {
    const world = new World(await MemoryServer.start(options));
    for (let i = 0; i < (options.people ?? 0); i++) await world.join();
    return world;
  }

  /** The first device of a person: by name, in the order of joining. */
  officer(name: string): Officer {
    return this.of(NAMES.indexOf(name)).officer;
  }

  of(index: number): Placed {
    const found = this.placed.find((one) => one.index === index);
    if (found === undefined) throw new Error(`nobody has the index ${String(index)}`);
    return found;
  }

  network(officer: Officer): Network {
    const found = this.placed.find((one) => one.officer === officer);
    if (found === undefined) throw new Error("the officer is not of this world");
    return found.network;
  }

  get officers(): readonly Officer[] {
    return this.placed.map(({ officer }) => officer);
  }

  /** The index of the person who joined last. */
  get index(): number {
    return this.#next - 1;
  }

  /** A new person, registered. */
  join(options: Partial<CoreOptions> = {}): Promise<Officer> {
    return this.device(this.#next++, options);
  }

  /** The index of somebody who has not registered: for `device`, later. */
  absent(): number {
    return this.#next++;
  }

  /** A device of a person; the person's first one, or another. */
  async device(index: number, options: Partial<CoreOptions> = {}): Promise<Officer> {
    const { fetch } = this.server;
    const network = fetch === undefined ? new Network() : new Network(fetch);
    const officer = await Officer.register(this.server, index, {
      fetch: network.fetch,
      ...options,
    });
    this.placed.push({ officer, network, index });
    return officer;
  }

  /** Wait until nobody has anything to send, to fetch or to open. */
  async settle(...officers: readonly Officer[]): Promise<void> {
    const among = officers.length > 0 ? officers : this.officers;
    const deadline = Date.now() + SETTLE_MS;
    for (let quiet = 0, pauseMs = POLL_MS; quiet < QUIET_LOOKS;) {
      const busy = (await Promise.all(among.map(isBusy))).some((one) => one);
      quiet = busy ? 0 : quiet + 1;
      pauseMs = busy ? Math.min(pauseMs * 1.2, LAST_POLL_MS) : POLL_MS;
      if (Date.now() > deadline) throw new Error(`never settled; ${this.server.story()}`);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.officers.map((officer) => officer.close()));
  }
}

async function isBusy({ core }: Officer): Promise<boolean> {
  const { outbox, catchingUp, history } = await core.app.state();
  if (outbox > 0 || catchingUp || history !== null) return true;
  for (const { conversationId, state } of await core.conversations.list()) {
    if (state === "left") continue;
    if ((await core.conversations.encryption(conversationId)).waiting > 0) return true;
  }
  return false;
}

/** The world of one test file, from before its first test until after its last. */
export interface FileWorld<S extends OfficersServer> {
  readonly current: World<S>;
  readonly server: S;
  /** The index of the person who joined last. */
  readonly index: number;
  /** The way to the server. */
  readonly fetch: Fetch;
  join(options?: Partial<CoreOptions>): Promise<Officer>;
  device(index: number, options?: Partial<CoreOptions>): Promise<Officer>;
}

function fileWorld<S extends OfficersServer & { close(): Promise<void> }>(
  start: () => Promise<World<S>>,
): FileWorld<S> {
  let world: World<S> | null = null;
  beforeAll(async () => {
    world = await start();
  }, START_LIMIT_MS);
  afterAll(async () => {
    await world?.close();
    await world?.server.close();
  }, START_LIMIT_MS);
  const current = (): World<S> => {
    if (world === null) throw new Error("not started");
    return world;
  };
  return {
    get current() {
      return current();
    },
    get server() {
      return current().server;
    },
    get index() {
      return current().index;
    },
    fetch: (url, init) => (current().server.fetch ?? globalThis.fetch)(url, init),
    join: (options) => current().join(options),
    device: (index, options) => current().device(index, options),
  };
}

/** With a server in memory, in simulated time. */
export function memoryWorld(options: WorldOptions = {}): FileWorld<MemoryServer> {
  inSimulatedTime();
  return fileWorld(() => World.make(options));
}

/** Time is simulated from before the file's first test until after its last. */
export function inSimulatedTime(): void {
  let time: SimulatedTime | null = null;
  beforeAll(() => {
    time = SimulatedTime.begin(1);
    // The same seed gives vaults the same names.
    globalThis.indexedDB = new IDBFactory();
  });
  afterAll(async () => {
    await time?.end();
  });
}

/** With a real server. */
export function serverWorld(
  settings: Readonly<Record<string, string>> = {},
): FileWorld<TestServer> {
  return fileWorld(async () => new World(await TestServer.start(settings)));
}
