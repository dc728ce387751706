/** Officers on real cores with a server in memory, all ended afterwards. */
import type { CoreOptions } from "../../src/create.ts";
import type { Fetch } from "../../src/transport/http.ts";
import { Officer } from "../officer.ts";
import { MemoryServer } from "./server.ts";

export class MemoryWorld {
  readonly server: MemoryServer;
  readonly officers: Officer[] = [];
  #next = 0;

  get index(): number {
    return this.#next - 1;
  }

  get fetch(): Fetch {
    return this.server.fetch;
  }

  constructor(cellSize: number, suite = 1) {
    this.server = new MemoryServer(cellSize, suite);
  }

  /** A new person, registered. */
  join(options: Partial<CoreOptions> = {}): Promise<Officer> {
    return this.device(this.#next++, options);
  }

  /** Another device of a person. */
  async device(index: number, options: Partial<CoreOptions> = {}): Promise<Officer> {
    const { fetch, WebSocket } = this.server;
    const officer = await Officer.register(this.server, index, { fetch, WebSocket, ...options });
    this.officers.push(officer);
    return officer;
  }

  async close(): Promise<void> {
    await Promise.all(this.officers.map((officer) => officer.close()));
    await this.server.close();
  }
}
