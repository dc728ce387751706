/** `core.exports`: files of a conversation's messages that anybody verifies (docs/export.md). */
import type { Attachments } from "../attachments/attachments.ts";
import type { DeviceContext } from "../context.ts";
import type { Conversation } from "../conversation/conversation.ts";
import { asFailure } from "../as-failure.ts";
import { CoreFailure, failure } from "../failure.ts";
import { newId, type ConversationId, type MessageId } from "../ids.ts";
import type { ExportedContent } from "../kinds/exported.ts";
import type { OutgoingStore } from "../messages/outgoing.ts";
import { outgoingRecord, queuedMessage } from "../outbox/compose.ts";
import type { Outbox } from "../outbox/outbox.ts";
import { toHex } from "../octets.ts";
import { SingleRun, throttled } from "../single-run.ts";
import type { CoreEvent, CoreListener } from "../seam.ts";
import type { ExportChoice, MadeExport, VerifiedExport } from "../seam/exporting.ts";
import type { DepartmentTrust } from "../trust/department-trust.ts";
import { ArchiveWriter } from "./archive.ts";
import { FORMAT, PARTS, manifestOf, trustOf, type ExportManifest } from "./format.ts";
import {
  gatherFiles,
  gatherLog,
  rangeOf,
  rangeOfMessages,
  type Gathered,
  type Gathering,
} from "./gathering.ts";
import { verifyExport } from "./telling.ts";

const DAY = 10;

export interface ExportOptions {
  readonly context: DeviceContext;
  readonly attachments: Attachments;
  readonly outgoing: OutgoingStore;
  readonly outbox: Outbox;
  /** Throws where this person can write nothing. */
  readonly writable: (conversationId: ConversationId) => Conversation;
  readonly department: () => DepartmentTrust;
  readonly subscribe: (listener: CoreListener) => () => void;
}

export class ExportCalls {
  readonly #options: ExportOptions;
  readonly #runs = new SingleRun();

  constructor(options: ExportOptions) {
    this.#options = options;
  }

  /**
   * Make a file, and tell the conversation before it is handed out: without a network, that waits, and
   * ends when the person takes the notice back. `conversation_export` events say how far it is. One at a
   * time. Rejects with `may_not_send`, `not_admin` and `exports_off` for somebody who may not export here,
   * `not_found` where there is nothing, `export_too_large`, `cancelled`.
   */
  make(conversationId: ConversationId, choice: ExportChoice): Promise<MadeExport> {
    return this.#runs.run(async (signal) => {
      const conversation = this.#options.writable(conversationId);
      const { whoMaySend, admin } = conversation.record;
      if (whoMaySend === "admins" && !admin) throw failure("may_not_send");
      return this.#make(conversation, choice, signal);
    });
  }

  cancel(): Promise<void> {
    this.#runs.cancel();
    return Promise.resolve();
  }

  /** Verify a file without network. Rejects with `export_invalid` for what is no such file, `export_too_large`. */
  async verify(file: Blob): Promise<VerifiedExport> {
    const { context, department } = this.#options;
    return verifyExport(file, {
      department: department(),
      recordsOf: (people) => context.trust.recordsOf(people),
      nowMs: context.time.now() ?? context.now(),
      onProgress: this.#progressOf(null),
    });
  }

  async #make(
    conversation: Conversation,
    choice: ExportChoice,
    signal: AbortSignal,
  ): Promise<MadeExport> {
    const { context, attachments } = this.#options;
    const onProgress = this.#progressOf(conversation.id);
    const gathering: Gathering = { context, attachments, conversation, signal, onProgress };
    const { messageIds, fromMs, toMs, title } = choice;
    const chosen = messageIds === null ? null : new Set(messageIds);
    const range =
      messageIds === null
        ? await rangeOf(gathering, fromMs, toMs)
        : await rangeOfMessages(gathering, messageIds);
    const madeMs = context.time.now() ?? context.now();
    const archive = new ArchiveWriter(madeMs);
    const log = archive.begin(PARTS.log);
    const gathered = await gatherLog(gathering, range, chosen, log);
    const logHash = log.end();
    const missingFiles = choice.files ? await gatherFiles(gathering, gathered.files, archive) : 0;
    await this.#finish(archive, gathered, {
      ...{ format: FORMAT, conversation: conversation.id, title, madeMs, log: logHash },
      ...{ exportedBy: context.identity().personId, before: gathered.before, ...range },
    });
    const { file, sha256 } = archive.done();
    const { messages } = gathered;
    const said = { kind: "exported", ...range, messages, files: choice.files, sha256 } as const;
    await this.#announce(conversation, said, signal);
    const name = `${new Date(madeMs).toISOString().slice(0, DAY)}-copconnect-${conversation.id.slice(0, 8)}.zip`;
    return { file, name, sha256: toHex(sha256), messages, missingFiles };
  }

  async #finish(
    archive: ArchiveWriter,
    { records, senders }: Gathered,
    manifest: Omit<ExportManifest, "trust">,
  ): Promise<void> {
    const { context, department } = this.#options;
    const { departments, issuingKeys } = department();
    const people = await context.trust.recordsOf([...senders, manifest.exportedBy]);
    const part = archive.begin(PARTS.trust);
    const proving = {
      ...records,
      departments: departments.map(({ bytes }) => bytes),
      issuing: issuingKeys.map((key) => new Uint8Array(key)),
    };
    part.write(trustOf({ ...proving, people: [] }, people));
    const trust = part.end();
    const last = archive.begin(PARTS.manifest);
    last.write(manifestOf({ ...manifest, trust }));
    last.end();
  }

  /** Tell the conversation, and wait until the server has it: it records the export, or refuses. */
  async #announce(
    conversation: Conversation,
    content: ExportedContent,
    signal: AbortSignal,
  ): Promise<void> {
    const { context, outgoing, outbox, subscribe } = this.#options;
    if (signal.aborted) throw failure("cancelled");
    // The server may have the notice soon.
    this.#runs.commit();
    this.#progress(conversation.id, "telling")(0, 1);
    const messageId = newId<MessageId>();
    const order = outgoing.nextOrder(context.now());
    const queued = outgoingRecord(conversation, messageId, order, content, "ready");
    const message = queuedMessage(queued, context.identity().personId, context.now());
    const over = new AbortController();
    const refused = await new Promise<CoreFailure | null>((resolve, reject) => {
      const stop = subscribe((event) => {
        const end = endOf(event, messageId);
        if (end !== undefined) resolve(end);
      });
      over.signal.addEventListener("abort", stop);
      // The app is locked or ends: the notice goes with the file (compose.ts, isLostExport).
      const lost = (): void => reject(failure("cancelled"));
      context.signal.addEventListener("abort", lost, { signal: over.signal });
      outbox.enqueue(conversation, queued, message, true).catch((error: unknown) => {
        reject(asFailure(error));
      });
    }).finally(() => over.abort());
    if (refused === null) return;
    await outbox.cancel(conversation, messageId).catch(() => undefined);
    throw refused;
  }

  #progressOf(conversationId: ConversationId | null): Gathering["onProgress"] {
    const told = {
      messages: this.#progress(conversationId, "messages"),
      files: this.#progress(conversationId, "files"),
    };
    return (step, done, total) => told[step](done, total);
  }

  #progress(
    conversationId: ConversationId | null,
    step: "messages" | "files" | "telling",
  ): (done: number, total: number) => void {
    const { context } = this.#options;
    return throttled(context.now, (done, total) => {
      context.emit({ type: "conversation_export", conversationId, step, done, total });
    });
  }
}

/** The result of sending the notice: null: the server has it; undefined: none yet; else the refusal. */
function endOf(event: CoreEvent, messageId: MessageId): CoreFailure | null | undefined {
  if (event.type === "message_removed" && event.messageId === messageId)
    return failure("cancelled");
  if (event.type !== "messages") return undefined;
  const item = event.items.find((one) => one.messageId === messageId);
  if (item?.status === "failed") {
    const { code, ...details } = item.failure ?? failure("internal").plain();
    return new CoreFailure(code, details);
  }
  return item === undefined || item.seq === null ? undefined : null;
}
