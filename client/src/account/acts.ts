/**
 * Signs an administrator's acts (a transfer, a grant) with this device's key and submits them to the server.
 *
 * Invariants: an act is stored before it is sent, and a call that is repeated with the same id sends
 * the identical bytes, so that nothing is done twice; the key never leaves the core. A stored act is
 * forgotten with the answer, or once the server would take it no more.
 */
import { newId, type ActId } from "../ids.ts";
import type { Identity } from "../context.ts";
import { hasCode } from "../failure.ts";
import { CLOCK_LEEWAY_MS } from "../limits.ts";
import { fromHex, utf8, type Bytes } from "../octets.ts";
import { ActFormat } from "../keys/trust/admin-act.ts";
import { isOfWeight } from "../keys/trust/presence.ts";
import type { Api } from "../transport/api.ts";
import type { TimeAnchor } from "../trust/ports.ts";
import { META, putMeta } from "../vault/changes.ts";
import type { Vault } from "../vault/vault.ts";
import { SerialQueue } from "../serial-queue.ts";
import type { Act, ActAnswer, Exported, ExportForm, ExportPart } from "../wire.ts";
import type { PresenceRequests } from "./presence.ts";

const STORED = "admin_acts";

interface StoredAct {
  readonly actId: ActId;
  readonly bytes: Bytes;
  readonly presence: Bytes;
  readonly createdMs: number;
}

export interface ActsOptions {
  readonly api: Pick<Api, "submitAct" | "exportPart">;
  readonly vault: Vault;
  readonly time: Pick<TimeAnchor, "anchor" | "requireNow">;
  readonly identity: () => Identity;
  readonly presences: Pick<PresenceRequests, "of">;
}

export class Acts {
  readonly #options: ActsOptions;
  /** Changes of what is stored, one after another. */
  readonly #storing = new SerialQueue();

  constructor(options: ActsOptions) {
    this.#options = options;
  }

  /** Sign an act and let the server do it. */
  async perform(act: Act, actId: ActId = newId()): Promise<ActAnswer> {
    const { time } = this.#options;
    await time.anchor();
    const stored = (await this.#read()).find((one) => one.actId === actId);
    if (stored !== undefined) {
      try {
        return await this.#submit(stored);
      } catch (error) {
        // The server never carried out the stored act, and refuses it as too old. Sign it again.
        if (!hasCode(error, "act_stale")) throw error;
      }
    }
    const { bytes, presence } = await this.#sign(act, actId);
    const made: StoredAct = { actId, bytes, presence, createdMs: time.requireNow() };
    await this.#store((rows) => [...rows.filter((one) => one.actId !== actId), made]);
    return this.#submit(made);
  }

  /** A file of this person's part. Nothing is stored: without an answer the person asks again. */
  async export(what: Exported, form: ExportForm): Promise<Bytes> {
    await this.#options.time.anchor();
    const { bytes: act, presence } = await this.#sign({ act: "export_part", what, form }, newId());
    return this.#options.api.exportPart({ act, presence });
  }

  async #submit({ actId, bytes: act, presence }: StoredAct): Promise<ActAnswer> {
    const forget = (): Promise<void> =>
      this.#store((rows) => rows.filter((one) => one.actId !== actId));
    try {
      const answer = await this.#options.api.submitAct({ act, presence });
      await forget();
      return answer;
    } catch (error) {
      // Whatever was refused is decided; without an answer the same bytes are sent again.
      if (!hasCode(error, "network", "overloaded", "internal")) await forget();
      throw error;
    }
  }

  /** The one way to a signed act: one of weight comes with its person's proof, or not at all. */
  async #sign(act: Act | ExportPart, actId: ActId): Promise<Pick<StoredAct, "bytes" | "presence">> {
    const { identity, presences, time } = this.#options;
    const { deviceBytes: device, privateKey } = identity();
    const body = utf8(JSON.stringify(act));
    const values = { device, actId: fromHex(actId), created: time.requireNow(), body };
    const { bytes } = await ActFormat.sign(values, privateKey);
    const presence = isOfWeight(act.act) ? await presences.of(bytes) : new Uint8Array();
    return { bytes, presence };
  }

  async #read(): Promise<readonly StoredAct[]> {
    return (await this.#options.vault.get<readonly StoredAct[]>(META, STORED)) ?? [];
  }

  #store(change: (rows: readonly StoredAct[]) => readonly StoredAct[]): Promise<void> {
    return this.#storing.run(async () => {
      const since = this.#options.time.requireNow() - 2 * CLOCK_LEEWAY_MS;
      const rows = (await this.#read()).filter(({ createdMs }) => createdMs > since);
      await this.#options.vault.write([putMeta(STORED, change(rows))]);
    });
  }
}
