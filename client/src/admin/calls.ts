/** The console's calls (seam/admin.ts), over the account's services. Its code comes with the first. */
import { hash } from "../keys/format/hashing.ts";
import { idOf, type ActId, type DeviceId, type PersonId, type UploadId } from "../ids.ts";
import { IMPORT_CHUNK_BYTES } from "../limits.ts";
import { Refused } from "../keys/format/refused.ts";
import { ActFormat, isSigned } from "../keys/trust/admin-act.ts";
import { AuthenticatorFormat } from "../keys/trust/presence.ts";
import { digitsOf } from "../account/presence.ts";
import { toBase64, toHex } from "../octets.ts";
import type { AccountServices } from "../account/services.ts";
import type { PeopleDirectory as Cards } from "../people/people.ts";
import type {
  AdminDevicesQuery,
  AdminPeopleQuery,
  AuditItem,
  AuditItems,
  AuditQuery,
  AuthenticatorItem,
  ConductPendingQuery,
  GuardPoliciesView,
  PlainAct,
  UnitDraft,
  VerifiedAudit,
  WaitingView,
} from "../seam/admin.ts";
import type { Api } from "../transport/api.ts";
import { META, deleteMeta, putMeta } from "../vault/changes.ts";
import type { Vault } from "../vault/vault.ts";
import type {
  Act,
  ActAnswer,
  ActPreview,
  AdminCharts,
  AdminDevices,
  AdminGrants,
  AdminGroups,
  AdminImports,
  AdminOverview,
  AdminPeople,
  AdminRights,
  Audience,
  AudiencePreview,
  AuditContent,
  AuditEntry,
  ConductAcceptances,
  ConductTexts,
  ConductVersions,
  Exported,
  ExportForm,
  FoundPeople,
  ImportChoices,
  ImportRows,
  ImportShow,
  KnownPictures,
  LegalHolds,
  MovesPreview,
  PastReorganisations,
  People,
  PersonPostings,
  PlannedTransfers,
  PreviewMoves,
  ReorganisationPreview,
  Step,
  UnitCounts,
  Upload,
  WaitingAct,
} from "../wire.ts";
import { Malformed } from "../guard/model.ts";
import { readPolicy } from "../guard/policy.ts";
import { Signatures, signerOf } from "./signatures.ts";
import { keyOf, verifyAudit } from "./verifying.ts";
import type { GuardPolicy } from "../seam/guard.ts";

const DRAFT = "unit_draft";

export interface AdminCallsOptions {
  readonly api: Api;
  readonly vault: Vault;
  readonly services: Pick<AccountServices, "acts" | "trust">;
  readonly people: Pick<Cards, "plate" | "prefetch">;
}

export class AdminCalls {
  readonly #options: AdminCallsOptions;

  constructor(options: AdminCallsOptions) {
    this.#options = options;
  }

  rights(): Promise<AdminRights> {
    return this.#options.api.adminRights();
  }

  overview(): Promise<AdminOverview> {
    return this.#options.api.adminOverview();
  }

  charts(): Promise<AdminCharts> {
    return this.#options.api.adminCharts();
  }

  people(query: AdminPeopleQuery): Promise<AdminPeople> {
    return this.#options.api.adminPeople(query);
  }

  devices(query: AdminDevicesQuery): Promise<AdminDevices> {
    return this.#options.api.adminDevices(query);
  }

  grants(): Promise<AdminGrants> {
    return this.#options.api.adminGrants();
  }

  preview(act: PlainAct): Promise<ActPreview> {
    return this.#options.api.previewAct({ act: new TextEncoder().encode(JSON.stringify(act)) });
  }

  /** Sign an act and let the server do it. The id is the host's where absent. */
  async perform(act: PlainAct, actId?: ActId): Promise<ActAnswer> {
    const { acts } = this.#options.services;
    const answer = await acts.perform(act, actId);
    // The server returns codes once. When that answer is lost, nobody has the codes, so this
    // device asks for new ones.
    const lost =
      act.act === "make_enrolment_codes" && answer.state === "done" && answer.codes.length === 0;
    return lost ? acts.perform(act) : answer;
  }

  // --- Units ------------------------------------------------------------------------------------

  unitCounts(): Promise<UnitCounts> {
    return this.#options.api.unitCounts();
  }

  previewReorganisation(
    asked: { readonly steps: readonly Step[] } | { readonly undo: number },
  ): Promise<ReorganisationPreview> {
    return this.#options.api.previewReorganisation(
      "undo" in asked ? { steps: [], undo: asked.undo } : { steps: [...asked.steps], undo: null },
    );
  }

  reorganisations(): Promise<PastReorganisations> {
    return this.#options.api.reorganisations();
  }

  unitDraft(): Promise<UnitDraft | null> {
    return this.#options.vault.get<UnitDraft>(META, DRAFT);
  }

  /** Null: forget it. */
  keepUnitDraft(draft: UnitDraft | null): Promise<void> {
    return this.#options.vault.write([draft === null ? deleteMeta(DRAFT) : putMeta(DRAFT, draft)]);
  }

  // --- Imports ----------------------------------------------------------------------------------

  imports(): Promise<AdminImports> {
    return this.#options.api.imports();
  }

  /** Announce a file to import. */
  async beginUpload(file: Blob, name: string): Promise<UploadId> {
    const sha256 = toHex(hash(new Uint8Array(await file.arrayBuffer())));
    const begun = await this.#options.api.beginUpload({ name, size: file.size, sha256 });
    return begun.uploadId;
  }

  /** Send it, all or what is missing; `upload` says how far it has come. */
  async sendUpload(uploadId: UploadId, file: Blob): Promise<void> {
    for (let index = 0; index * IMPORT_CHUNK_BYTES < file.size; index++) {
      const start = index * IMPORT_CHUNK_BYTES;
      const part = await file.slice(start, start + IMPORT_CHUNK_BYTES).arrayBuffer();
      await this.#options.api.putUploadChunk(uploadId, index, new Uint8Array(part));
    }
  }

  /** Let the server read and judge it; `upload` says how far that is, then what it would change. */
  examineUpload(uploadId: UploadId, choices: ImportChoices): Promise<void> {
    return this.#options.api.examineUpload(uploadId, choices);
  }

  upload(uploadId: UploadId): Promise<Upload> {
    return this.#options.api.upload(uploadId);
  }

  uploadRows(uploadId: UploadId, show: ImportShow, after: string | null): Promise<ImportRows> {
    return this.#options.api.uploadRows(uploadId, {
      show,
      after: after === null ? null : Number(after),
    });
  }

  /** A file of this person's part; the audit log records it. */
  async exported(what: Exported, format: ExportForm): Promise<Blob> {
    return new Blob([await this.#options.services.acts.export(what, format)]);
  }

  /** A workbook of the refused rows and of all changes. */
  async uploadReport(uploadId: UploadId): Promise<Blob> {
    return new Blob([await this.#options.api.uploadReport(uploadId)]);
  }

  // --- Moves and groups -------------------------------------------------------------------------

  /** People by employee numbers or phone numbers, as somebody pastes them. */
  findPeople(given: readonly string[]): Promise<FoundPeople> {
    return this.#options.api.findPeople({ given: [...given] });
  }

  /** A person's post, charges and former posts; with `at`, the ones of that time. */
  postings(personId: PersonId, at?: number): Promise<PersonPostings> {
    return this.#options.api.postings(personId, { at });
  }

  /** Planned transfers, and planned transfers that failed in the last days. */
  plannedTransfers(): Promise<PlannedTransfers> {
    return this.#options.api.plannedTransfers();
  }

  previewMoves(asked: PreviewMoves): Promise<MovesPreview> {
    return this.#options.api.previewMoves(asked);
  }

  previewAudience(rule: Audience): Promise<AudiencePreview> {
    return this.#options.api.previewAudience({ rule });
  }

  groups(): Promise<AdminGroups> {
    return this.#options.api.allGroups();
  }

  // --- Conduct ----------------------------------------------------------------------------------

  /** Every version of the code of conduct, and the newest text. */
  conductVersions(): Promise<ConductVersions> {
    return this.#options.api.conductVersions();
  }

  conductTexts(version: number): Promise<ConductTexts> {
    return this.#options.api.conductTexts(version);
  }

  /** How many have accepted, by unit of this person's part. */
  conductAcceptances(): Promise<ConductAcceptances> {
    return this.#options.api.conductAcceptances();
  }

  /** People of this person's part who have not accepted. */
  conductPending(query: ConductPendingQuery): Promise<People> {
    return this.#options.api.conductPending(query);
  }

  async guardPolicies(): Promise<GuardPoliciesView> {
    const { policy, classes, versions } = await this.#options.api.guardPolicies();
    return { policy: readPolicy(policy), classes, versions };
  }

  /** The policy that an act says; null: it says none. */
  guardPolicyOf(text: string): Promise<GuardPolicy | null> {
    try {
      return Promise.resolve(readPolicy(text));
    } catch (error) {
      if (error instanceof Malformed) return Promise.resolve(null);
      throw error;
    }
  }

  /** A page of the pictures that moderators marked; `before`: after this `next`. */
  pictures(before: number | null): Promise<KnownPictures> {
    return this.#options.api.knownPictures({ before });
  }

  /** People whom a hold may name: of the whole department, removed ones too. */
  findPeopleToHold(given: readonly string[]): Promise<FoundPeople> {
    return this.#options.api.findPeopleToHold({ given: [...given] });
  }

  /** Legal holds, the newest first. */
  holds(): Promise<LegalHolds> {
    return this.#options.api.legalHolds();
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
    const { record: signed, ...shown } = waiting;
    try {
      const record = ActFormat.parse(signed);
      const device = idOf<DeviceId>(record.device);
      const { trust } = this.#options.services;
      const certificate = await trust.certificateOf(shown.by.personId, device);
      const genuine = certificate !== null && (await isSigned(record, certificate.publicKey));
      return {
        ...{ ...shown, actId: idOf<ActId>(record.actId), hash: toHex(hash(record.bytes)) },
        act: JSON.parse(new TextDecoder().decode(record.body)) as Act,
        genuine,
      };
    } catch (error) {
      if (error instanceof Refused || error instanceof SyntaxError) return null;
      throw error;
    }
  }

  // --- Authenticators ---------------------------------------------------------------------------

  async authenticatorsAsked(): Promise<readonly AuthenticatorItem[]> {
    const { asked } = await this.#options.api.authenticatorsAsked();
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
    const page = await this.#options.api.audit(query);
    const signers = page.entries.flatMap(({ content }) =>
      content === null ? [] : (signerOf(content.by)?.personId ?? []),
    );
    await this.#options.people.prefetch(signers);
    const entries = await Promise.all(page.entries.map((entry) => this.#item(entry)));
    const { people, next, newest } = page;
    return { entries: entries.filter((one) => one !== null), people, next, newest };
  }

  verifyAudit(): Promise<VerifiedAudit> {
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

function actIdOf(signed: Uint8Array): ActId | null {
  try {
    return idOf<ActId>(ActFormat.parse(signed).actId);
  } catch {
    return null;
  }
}
