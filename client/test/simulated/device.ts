/** One device of a run: where it is, and what it was told to say. */
import { hasCode } from "../../src/failure.ts";
import type { EncryptionView } from "../../src/core.ts";
import type { Officer } from "../officer.ts";
import { Link } from "./link.ts";
import type { Scene } from "./scene.ts";

/** `gone`: signed out for good. */
export type Where = "online" | "offline" | "closed" | "gone";

const POLL_MS = 250;
const KEY_PACKAGES_MS = 500;
/** Requests and frames take this long at most while a run is under way. */
const SLOW_MS = 700;

export class Device {
  readonly person: number;
  readonly personId: string;
  readonly clientId: string;
  readonly officer: Officer;
  readonly #link: Link;
  readonly #scene: Scene;
  where: Where = "online";

  private constructor(
    scene: Scene,
    link: Link,
    person: number,
    officer: Officer,
    ids: { readonly personId: string; readonly clientId: string },
  ) {
    this.#scene = scene;
    this.#link = link;
    this.person = person;
    this.officer = officer;
    this.personId = ids.personId;
    this.clientId = ids.clientId;
  }

  static async register(scene: Scene, person: number): Promise<Device> {
    const link = new Link(scene, () => 0);
    const { fetch } = link.network;
    const { WebSocket } = link;
    const officer = await scene.device(person, { fetch, WebSocket, random: scene.random });
    // Until others can let it in: who has no key packages comes in by itself, later.
    await scene.pass(KEY_PACKAGES_MS);
    const { clientId } = await officer.core.state();
    const ids = { personId: officer.person, clientId: clientId ?? "" };
    return new Device(scene, link, person, officer, ids);
  }

  /** From now on everything takes a while. */
  slow(): void {
    // Most is quick; what is slow lets much happen meanwhile.
    this.#link.delayMs = () => SLOW_MS * this.#scene.random() ** 4;
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
      const { random } = this.#scene;
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
    else await this.officer.core.networkChanged(true);
  }

  /** Its connection ends and it comes back at once: what was pushed meanwhile is lost. */
  reconnects(): void {
    this.#link.break();
  }

  /** Of what is pushed some is lost, until it connects anew. */
  loses(kind: number): void {
    const kinds = [["late_seal"], ["seal_wanted"], ["duty"], ["late_seal", "seal_wanted"]] as const;
    for (const one of kinds[kind % kinds.length] ?? []) this.#link.lost.add(one);
  }

  deaf(): void {
    for (const one of [
      "entry",
      "late_seal",
      "seal_wanted",
      "duty",
      "conversation",
      "gone",
    ] as const)
      this.#link.lost.add(one);
  }

  losesAnswers(): void {
    this.#link.network.path = /\/(?:sealed|messages|commits|leases|seals|members|key-record)$/u;
    this.#link.network.loseAnswers = 2;
  }

  async says(conversationId: string, text: string, messageId: string): Promise<void> {
    const content = { kind: "text", text, mentions: [] } as const;
    // Who has no place (yet, any more) says it to nobody.
    await this.officer.core
      .send(conversationId, content, null, messageId)
      .catch((error: unknown) => {
        if (!hasCode(error, "conversation_left", "not_found", "signed_out", "locked")) throw error;
      });
  }

  /** Wait for a condition, `limitMs` at most, and say in the end how it was. */
  async until(
    what: string,
    limitMs: number,
    condition: () => Promise<boolean>,
    state: () => Promise<unknown>,
  ): Promise<void> {
    for (let ms = 0; !(await condition()); ms += POLL_MS) {
      if (ms > limitMs)
        throw new Error(`${this.toString()} never: ${what}; ${JSON.stringify(await state())}`);
      await this.#scene.pass(POLL_MS);
    }
  }

  async view(conversationId: string): Promise<EncryptionView> {
    return this.officer.core.encryption(conversationId);
  }

  toString(): string {
    return `device ${this.clientId.slice(0, 6)} of person ${String(this.person)}`;
  }
}
