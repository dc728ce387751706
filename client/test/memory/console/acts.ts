/**
 * The server in memory takes signed administrative acts: once for each id, dated within ten minutes,
 * signed by the calling device. Rights are those of E0; nothing waits for a second admin unless a test
 * says so.
 */
import { idOf, type ActId } from "../../../src/ids.ts";
import { equalBytes, toHex } from "../../../src/octets.ts";
import { CLOCKS_MS } from "../../../src/keys/format/times.ts";
import { verifyPresence } from "../../../src/admin/presences.ts";
import { isOfWeight, parsePresence } from "../../../src/keys/trust/presence.ts";
import { ActFormat } from "../../../src/keys/trust/admin-act.ts";
import type * as wire from "../../../src/wire.ts";
import { Refusal, checked } from "../refusal.ts";
import type { ServerPorts } from "../ports.ts";
import type { ClientState } from "../state.ts";

export class AdminRole {
  readonly #server: ServerPorts;
  /** Every act that was taken, with its answer, by id. */
  readonly taken = new Map<
    ActId,
    { readonly bytes: Uint8Array; readonly answer: wire.ActAnswer }
  >();
  /** Whether the next act waits for a second admin instead of being done. */
  waits = false;

  constructor(server: ServerPorts) {
    this.#server = server;
  }

  async act(
    caller: ClientState,
    { act: bytes, presence }: wire.SubmitAct,
  ): Promise<wire.ActAnswer> {
    const record = await checked("act_invalid", () => ActFormat.parse(bytes));
    const actId = idOf<ActId>(record.actId);
    const known = this.taken.get(actId);
    if (known !== undefined) {
      if (!equalBytes(known.bytes, bytes)) throw new Refusal("act_differs");
      return known.answer;
    }
    if (toHex(record.device) !== caller.device) throw new Refusal("act_invalid");
    if (Math.abs(this.#server.now() - record.created) > CLOCKS_MS) throw new Refusal("act_stale");
    await checked("act_invalid", () => ActFormat.verify(record, caller.publicKey));
    const body = JSON.parse(new TextDecoder().decode(record.body)) as wire.Act;
    if (isOfWeight(body.act))
      await checked("presence_invalid", () => verifyPresence(parsePresence(presence), bytes));
    const answer: wire.ActAnswer = {
      ...{ actId, entry: this.taken.size + 1, codes: [] },
      state: this.waits ? "waiting" : "done",
    };
    if (!this.waits) await this.#perform(caller, body);
    this.taken.set(actId, { bytes, answer });
    return answer;
  }

  async #perform(caller: ClientState, act: wire.Act): Promise<void> {
    const { trust } = this.#server;
    if (act.act === "give_grant" || act.act === "withdraw_grant")
      await trust.grant(caller, fromBase64(act.grant));
    else if (act.act === "revoke_device") await trust.revoke(caller, fromBase64(act.revocation));
    else if (act.act === "lock_devices") await trust.lock(caller, act.personId);
    else if (act.act === "unlock_devices") await trust.unlock(act.personId);
    else throw new Refusal("act_invalid", { reason: act.act });
  }
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
}
