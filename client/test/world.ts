/** A server and the officers of one test file, all ended afterwards. */
import { afterAll, beforeAll } from "vitest";
import type { CoreOptions } from "../src/create.ts";
import type { Fetch } from "../src/transport/http.ts";
import { Officer } from "./officer.ts";
import { TestServer } from "./server.ts";

/** Three Python processes on a machine that others use too. */
const START_LIMIT_MS = 120_000;

export interface World {
  readonly server: TestServer;
  /** A new person, registered. */
  join(options?: Partial<CoreOptions>): Promise<Officer>;
  /** Another device of a person. */
  device(index: number, options?: Partial<CoreOptions>): Promise<Officer>;
  /** The index of the person who joined last. */
  readonly index: number;
  /** The network that leads to the server. */
  readonly fetch: Fetch;
}

export function world(settings: Readonly<Record<string, string>> = {}): World {
  let server: TestServer | null = null;
  const officers: Officer[] = [];
  let next = 0;
  beforeAll(async () => {
    server = await TestServer.start(settings);
  }, START_LIMIT_MS);
  afterAll(async () => {
    await Promise.all(officers.map((officer) => officer.close()));
    await server?.close();
  }, START_LIMIT_MS);
  const started = (): TestServer => {
    if (server === null) throw new Error("not started");
    return server;
  };
  const device = async (index: number, options?: Partial<CoreOptions>): Promise<Officer> => {
    const officer = await Officer.register(started(), index, options);
    officers.push(officer);
    return officer;
  };
  return {
    get server() {
      return started();
    },
    get index() {
      return next - 1;
    },
    fetch: (url, init) => globalThis.fetch(url, init),
    join: (options) => device(next++, options),
    device,
  };
}
