/** The console's calls (seam/admin.ts), over the account's services. Its code comes with the first. */
import { hash } from "../keys/format/hashing.ts";
import { idOf, type ActId, type DeviceId, type PersonId, type UploadId } from "../ids.ts";
import { IMPORT_CHUNK_BYTES } from "../limits.ts";
import { Refused } from "../keys/format/refused.ts";
import { ActFormat } from "../keys/trust/admin-act.ts";
import { AuthenticatorFormat } from "../keys/trust/presence.ts";
import { digitsOf } from "../account/presence.ts";
import { toBase64, toHex } from "../octets.ts";
import type { AccountServices } from "../account/services.ts";
import type { People } from "../people/people.ts";
import type {
  AdminCore,
  AuditItem,
  AuditItems,
  AuthenticatorItem,
  AuditQuery,
  ConductPendingQuery,
  PlainAct,
  UnitDraft,
  WaitingView,
} from "../seam/admin.ts";
import type { Api } from "../transport/api.ts";
import { META, deleteMeta, putMeta } from "../vault/meta.ts";
import type { Vault } from "../vault/vault.ts";
import type {
  Act,
  Audience,
  AuditContent,
  AuditEntry,
  Exported,
  ExportForm,
  ImportChoices,
  ImportShow,
  PreviewMoves,
  WaitingAct,
} from "../wire.ts";
import { Malformed } from "../guard/model.ts";
import { readPolicy } from "../guard/policy.ts";
import { Signatures, signerOf } from "./signatures.ts";
import { keyOf, verifyAudit } from "./verifying.ts";

const DRAFT = "unit_draft";

export interface AdminCallsOptions {
  readonly api: Api;
  readonly vault: Vault;
  readonly services: Pick<AccountServices, "acts" | "trust">;
  readonly people: Pick<People, "plate" | "prefetch">;
}

export class AdminCalls implements AdminCore {
  readonly #options: AdminCallsOptions;

  constructor(options: AdminCallsOptions) {
    this.#options = options;
  }

  rights(): ReturnType<AdminCore["rights"]> {
    return this.#options.api.adminRights();
  }

  overview(): ReturnType<AdminCore["overview"]> {
    return this.#options.api.adminOverview();
  }

  charts(): ReturnType<AdminCore["charts"]> {
    return this.#options.api.adminCharts();
  }

  people(query: Parameters<AdminCore["people"]>[0]): ReturnType<AdminCore["people"]> {
    return this.#options.api.adminPeople({ ...query });
  }

  devices(query: Parameters<AdminCore["devices"]>[0]): ReturnType<AdminCore["devices"]> {
    return this.#options.api.adminDevices({ ...query });
  }

  grants(): ReturnType<AdminCore["grants"]> {
    return this.#options.api.adminGrants();
  }

  preview(act: PlainAct): ReturnType<AdminCore["preview"]> {
    return this.#options.api.previewAct({ act: new TextEncoder().encode(JSON.stringify(act)) });
  }

  async perform(act: PlainAct, actId?: ActId): ReturnType<AdminCore["perform"]> {
    const { acts } = this.#options.services;
    const answer = await acts.perform(act, actId);
    // Codes are told once. An answer that was lost on its way takes them along: they reached
    // nobody, so others are made in their place.
    const lost =
      act.act === "make_enrolment_codes" && answer.state === "done" && answer.codes.length === 0;
    return lost ? acts.perform(act) : answer;
  }

  // --- Units ------------------------------------------------------------------------------------

  unitCounts(): ReturnType<AdminCore["unitCounts"]> {
    return this.#options.api.unitCounts();
  }

  previewReorganisation(
    asked: Parameters<AdminCore["previewReorganisation"]>[0],
  ): ReturnType<AdminCore["previewReorganisation"]> {
    return this.#options.api.previewReorganisation(
      "undo" in asked ? { steps: [], undo: asked.undo } : { steps: [...asked.steps], undo: null },
    );
  }

  reorganisations(): ReturnType<AdminCore["reorganisations"]> {
    return this.#options.api.reorganisations();
  }

  unitDraft(): ReturnType<AdminCore["unitDraft"]> {
    return this.#options.vault.get<UnitDraft>(META, DRAFT);
  }

  keepUnitDraft(draft: UnitDraft | null): Promise<void> {
    return this.#options.vault.write([draft === null ? deleteMeta(DRAFT) : putMeta(DRAFT, draft)]);
  }

  // --- Imports ----------------------------------------------------------------------------------

  imports(): ReturnType<AdminCore["imports"]> {
    return this.#options.api.adminImports();
  }

  async beginUpload(file: Blob, name: string): Promise<UploadId> {
    const sha256 = toHex(hash(new Uint8Array(await file.arrayBuffer())));
    const begun = await this.#options.api.beginUpload({ name, size: file.size, sha256 });
    return begun.uploadId;
  }

  async sendUpload(uploadId: UploadId, file: Blob): Promise<void> {
    for (let index = 0; index * IMPORT_CHUNK_BYTES < file.size; index++) {
      const start = index * IMPORT_CHUNK_BYTES;
      const part = await file.slice(start, start + IMPORT_CHUNK_BYTES).arrayBuffer();
      await this.#options.api.putUploadChunk(uploadId, index, new Uint8Array(part));
    }
  }

  examineUpload(uploadId: UploadId, choices: ImportChoices): Promise<void> {
    return this.#options.api.examineUpload(uploadId, choices);
  }

  upload(uploadId: UploadId): ReturnType<AdminCore["upload"]> {
    return this.#options.api.upload(uploadId);
  }

  uploadRows(
    uploadId: UploadId,
    show: ImportShow,
    after: string | null,
  ): ReturnType<AdminCore["uploadRows"]> {
    return this.#options.api.uploadRows(uploadId, { show, after: after ?? "" });
  }

  async exported(what: Exported, format: ExportForm): Promise<Blob> {
    return new Blob([await this.#options.services.acts.export(what, format)]);
  }

  async uploadReport(uploadId: UploadId): Promise<Blob> {
    return new Blob([await this.#options.api.uploadReport(uploadId)]);
  }

  // --- Moves and groups -------------------------------------------------------------------------

  findPeople(given: readonly string[]): ReturnType<AdminCore["findPeople"]> {
    return this.#options.api.adminFindPeople({ given: [...given] });
  }

  postings(personId: PersonId, at?: number): ReturnType<AdminCore["postings"]> {
    return this.#options.api.adminPostings(personId, { at });
  }

  plannedTransfers(): ReturnType<AdminCore["plannedTransfers"]> {
    return this.#options.api.plannedTransfers();
  }

  previewMoves(asked: PreviewMoves): ReturnType<AdminCore["previewMoves"]> {
    return this.#options.api.previewMoves(asked);
  }

  previewAudience(rule: Audience): ReturnType<AdminCore["previewAudience"]> {
    return this.#options.api.previewAudience({ rule });
  }

  groups(): ReturnType<AdminCore["groups"]> {
    return this.#options.api.adminGroups();
  }

  // --- Conduct ----------------------------------------------------------------------------------

  conductVersions(): ReturnType<AdminCore["conductVersions"]> {
    return this.#options.api.conductConsole.versions();
  }

  conductTexts(version: number): ReturnType<AdminCore["conductTexts"]> {
    return this.#options.api.conductConsole.texts(version);
  }

  conductAcceptances(): ReturnType<AdminCore["conductAcceptances"]> {
    return this.#options.api.conductConsole.acceptances();
  }

  conductPending(query: ConductPendingQuery): ReturnType<AdminCore["conductPending"]> {
    return this.#options.api.conductConsole.pending(query);
  }

  async guardPolicies(): ReturnType<AdminCore["guardPolicies"]> {
    const { policy, classes, versions } = await this.#options.api.conductConsole.policies();
    return { policy: readPolicy(policy), classes, versions };
  }

  guardPolicyOf(text: string): ReturnType<AdminCore["guardPolicyOf"]> {
    try {
      return Promise.resolve(readPolicy(text));
    } catch (error) {
      if (error instanceof Malformed) return Promise.resolve(null);
      throw error;
    }
  }

  pictures(before: number | null): ReturnType<AdminCore["pictures"]> {
    return this.#options.api.conductConsole.pictures(before);
  }

  // --- Acts that wait ---------------------------------------------------------------------------

  async waiting(): Promise<readonly WaitingView[]> {
    const { acts } = await this.#options.api.waitingActs();
    const people = acts.map(({ by }) => by.personId);
    await this.#options.services.trust.ensure(people).catch(() => undefined);
    const views = await Promise.all(acts.map((one) => this.#waitingView(one)));
    return views.filter((view) => view !== null);
  }

  /** The act that the first admin's device signed, never what the server says of it. */
  async #waitingView(waiting: WaitingAct): Promise<WaitingView | null> {
    const { by, people, paths, madeMs, expiresMs, own, approvers, approverCount } = waiting;
    const { preview } = waiting;
    try {
      const record = ActFormat.parse(waiting.record);
      const device = idOf<DeviceId>(record.device);
      const { trust } = this.#options.services;
      const certificate = await trust.certificateOf(by.personId, device);
      const genuine = certificate !== null && (await isSigned(record, certificate.publicKey));
      return {
        ...{ actId: idOf<ActId>(record.actId), hash: toHex(hash(record.bytes)) },
        act: JSON.parse(new TextDecoder().decode(record.body)) as Act,
        ...{ by, genuine, people, paths, madeMs, expiresMs, own, approvers, approverCount },
        preview,
      };
    } catch (error) {
      if (error instanceof Refused || error instanceof SyntaxError) return null;
      throw error;
    }
  }

  // --- Authenticators ---------------------------------------------------------------------------

  async authenticatorsAsked(): Promise<readonly AuthenticatorItem[]> {
    const { asked } = await this.#options.api.enrolling();
    return asked.flatMap(({ person, label, authenticator }) => {
      try {
        const record = AuthenticatorFormat.parse(authenticator);
        const base64 = toBase64(authenticator);
        const made = { madeMs: record.created, digits: digitsOf(record) };
        return [{ person, label, authenticator: base64, ...made }];
      } catch (error) {
        if (error instanceof Refused) return [];
        throw error;
      }
    });
  }

  // --- The audit log ----------------------------------------------------------------------------

  async audit(query: AuditQuery): Promise<AuditItems> {
    const page = await this.#options.api.audit({ ...query });
    const signers = page.entries.flatMap(({ content }) =>
      content === null ? [] : (signerOf(content.by)?.personId ?? []),
    );
    await this.#options.people.prefetch(signers);
    const entries = await Promise.all(page.entries.map((entry) => this.#item(entry)));
    const { people, next, newest } = page;
    return { entries: entries.filter((one) => one !== null), people, next, newest };
  }

  verifyAudit(): ReturnType<AdminCore["verifyAudit"]> {
    const { api, vault, services } = this.#options;
    return verifyAudit({ api, vault, trust: services.trust });
  }

  async #item(entry: AuditEntry): Promise<AuditItem | null> {
    const { content, number, madeMs } = entry;
    if (content === null) return null;
    const by = signerOf(content.by);
    return {
      ...{ number, madeMs, path: content.path },
      operator: by === null ? content.by.replace(/^operator /u, "") : null,
      by: await this.#options.people.plate(by?.personId ?? null),
      done: JSON.parse(content.act) as Readonly<Record<string, unknown>>,
      signature: await this.#signature(entry, content),
      actId: content.signedAs === "act" ? actIdOf(content.signed) : null,
    };
  }

  async #signature(entry: AuditEntry, content: AuditContent): Promise<AuditItem["signature"]> {
    if (content.signedAs === "") return "none";
    const { trust } = this.#options.services;
    try {
      await new Signatures().follow(entry, await keyOf({ trust }, entry));
      return "right";
    } catch {
      return "wrong";
    }
  }
}

async function isSigned(
  record: ReturnType<typeof ActFormat.parse>,
  publicKey: Uint8Array,
): Promise<boolean> {
  try {
    await ActFormat.verify(record, publicKey);
    return true;
  } catch (error) {
    if (error instanceof Refused) return false;
    throw error;
  }
}

function actIdOf(signed: Uint8Array): ActId | null {
  try {
    return idOf<ActId>(ActFormat.parse(signed).actId);
  } catch {
    return null;
  }
}
