/** One device of a run: where it is, and the messages that the run makes it send. */
import { hasCode } from "#core/failure.ts";
import type { ClientId, ConversationId, DeviceId, MessageId, PersonId } from "#core/ids.ts";
import { STORES } from "#core/records.ts";
import type { ServerFrame } from "#core/wire.ts";
import type { MemoryServer } from "../memory/server.ts";
import { Officer } from "../support/officer.ts";
import { loseRecords } from "../support/vaults.ts";
import { Link } from "./link.ts";
import type { SimulatedTime } from "./time.ts";

/** `gone`: revoked for good. */
export type Where = "online" | "offline" | "closed" | "gone";

/** Requests and frames take this long at most while a run is under way. */
const SLOW_MS = 700;
/** Some frames are lost: of one kind, or all of a conversation's. */
const LOST: readonly (readonly ServerFrame["t"][])[] = [
  ["key"],
  ["share", "share_wanted"],
  ["cell_key", "cell_key_wanted", "key_wanted"],
  ["roster", "conversation", "gone"],
  ["entry", "key", "share", "conversation"],
];
/** Losses of a disk: secrets that were sealed or shared, rosters, or the device's state. */
const FORGOTTEN: readonly (readonly string[])[] = [
  [STORES.conversationKeys],
  [STORES.cellKeys],
  [STORES.conversationKeys, STORES.cellKeys],
  [STORES.heads, STORES.rosters, STORES.cellTables],
  [STORES.conversations],
];

export class Device {
  readonly person: number;
  readonly personId: PersonId;
  readonly clientId: ClientId;
  readonly device: DeviceId;
  readonly officer: Officer;
  readonly #link: Link;
  readonly #time: SimulatedTime;
  where: Where = "online";

  private constructor(
    time: SimulatedTime,
    link: Link,
    person: number,
    officer: Officer,
    ids: Pick<Device, "personId" | "clientId" | "device">,
  ) {
    this.#time = time;
    this.#link = link;
    this.person = person;
    this.officer = officer;
    this.personId = ids.personId;
    this.clientId = ids.clientId;
    this.device = ids.device;
  }

  static async register(
    time: SimulatedTime,
    server: MemoryServer,
    person: number,
  ): Promise<Device> {
    const link = new Link(server, () => 0);
    const { fetch } = link.network;
    const { WebSocket } = link;
    const random = time.random.next;
    const officer = await Officer.register(server, person, { fetch, WebSocket, random });
    const { clientId } = await officer.core.app.state();
    if (clientId === null) throw new Error("the device is not registered");
    const { device, personId } = server.people.client(clientId);
    return new Device(time, link, person, officer, { personId, clientId, device });
  }

  /** From now on everything takes a while. */
  slow(): void {
    // Most is quick; a slow step lets much happen meanwhile.
    this.#link.delayMs = () => SLOW_MS * this.#time.random.next() ** 4;
  }

  quick(): void {
    this.#link.delayMs = () => 0;
  }

  get there(): boolean {
    return this.where === "online";
  }

  /** 0: the app is closed; 1: there is no network; 2: the app is killed in whatever it does. */
  async goes(how: number): Promise<void> {
    if (how === 1) {
      this.where = "offline";
      this.#link.cut();
      return;
    }
    if (how === 2) {
      const random = this.#time.random.next;
      this.#link.network.dies = () => (random() < 0.5 ? "before" : "after");
      this.#link.break();
    }
    this.where = "closed";
    await this.officer.close();
  }

  async comes(): Promise<void> {
    if (this.where === "gone") return;
    const { where } = this;
    this.#link.mend();
    this.where = "online";
    if (where === "closed") await this.officer.restart();
    else await this.officer.core.app.networkChanged(true);
  }

  /** The disk loses some of what the device holds. */
  async forgets(which: number): Promise<void> {
    if (this.where !== "closed") await this.goes(0);
    await loseRecords(this.officer.vaultName, ...(FORGOTTEN[which % FORGOTTEN.length] ?? []));
    await this.comes();
  }

  /** Its connection ends and it comes back at once: frames pushed meanwhile are lost. */
  reconnects(): void {
    this.#link.break();
  }

  /** Lose some of the pushed frames, until the device connects again. */
  loses(kind: number): void {
    for (const one of LOST[kind % LOST.length] ?? []) this.#link.lost.add(one);
  }

  losesAnswers(): void {
    this.#link.network.path = /\/(?:messages|members|keys|shares|share-requests|device-keys)$/u;
    this.#link.network.loseAnswers = 2;
  }

  async says(conversationId: ConversationId, text: string, messageId: MessageId): Promise<void> {
    const content = { kind: "text", text, mentions: [] } as const;
    // A device that has no place in the conversation (yet, any more) says it to nobody.
    await this.officer.core.messages
      .send(conversationId, content, null, messageId)
      .catch((error: unknown) => {
        const known = ["conversation_left", "not_found", "signed_out", "locked", "not_member"];
        if (!hasCode(error, ...known)) throw error;
      });
  }

  toString(): string {
    return `device ${this.device.slice(0, 6)} of person ${String(this.person)}`;
  }
}
