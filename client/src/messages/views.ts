/** View models from records: everything the screens see is made here. */
import type { Announcer, Views } from "./announcer.ts";
import type { Attachments } from "./attachments/attachments.ts";
import type { AttachmentPointer, Decoded, ReplyPointer } from "./content.ts";
import type { Conversation } from "./conversation.ts";
import type {
  ConversationItem,
  MessageBody,
  MessageItem,
  MessageStatus,
  Notice,
  Preview,
  ReplyQuote,
} from "./core.ts";
import type { DeviceContext } from "./context.ts";
import { decodedOf, loadMessage, previewOf } from "./messages.ts";
import type { OutgoingStore } from "./outgoing.ts";
import type { People } from "./people.ts";
import { statusOf } from "./receipts.ts";
import type { LastRecord, MessageRecord, NoticeRecord, PreviewRecord } from "./records.ts";

export class ViewMaker implements Views {
  readonly #context: DeviceContext;
  readonly #people: People;
  readonly #outgoing: OutgoingStore;
  readonly #attachments: Attachments;

  constructor(
    context: DeviceContext,
    people: People,
    outgoing: OutgoingStore,
    attachments: Attachments,
    announcer: Announcer,
  ) {
    this.#context = context;
    this.#people = people;
    this.#outgoing = outgoing;
    this.#attachments = attachments;
    announcer.use(this);
  }

  async conversation(conversation: Conversation): Promise<ConversationItem> {
    await conversation.loadMembers();
    const { record } = conversation;
    const people = this.#people;
    const open = record.state === "ready" || record.state === "joining";
    return {
      conversationId: record.conversationId,
      kind: record.kind,
      title: record.kind === "direct" ? null : record.title,
      photo: record.photo === null ? null : await this.#attachments.view(record.photo),
      direct: await people.plate(record.directPersonId),
      some: await people.plates(record.some),
      members: record.members,
      audience: record.audience ?? null,
      cells: record.cells,
      cellsReady: record.cells > 1 ? (record.cellsReady ?? 0) : Number(record.state === "ready"),
      last: record.last === null ? null : await this.#last(conversation, record.last),
      unread: record.unread,
      mentioned: record.mentioned,
      mutedUntilMs: record.preferences.mutedUntilMs,
      pinned: record.preferences.pinned,
      draft: record.draft,
      canPost: open && (record.whoMayPost === "everyone" || record.admin),
      admin: record.admin,
      whoMayPost: record.whoMayPost,
      state: record.state,
      alarm: record.alarm,
      createdMs: record.createdMs,
    };
  }

  async #last(
    conversation: Conversation,
    last: LastRecord,
  ): Promise<NonNullable<ConversationItem["last"]>> {
    return {
      preview: await this.#preview(last.preview),
      sender: await this.#people.plate(last.senderId),
      mine: last.mine,
      sentMs: last.sentMs,
      status: last.mine ? this.#status(conversation, last) : null,
    };
  }

  #status(
    conversation: Conversation,
    message: Pick<LastRecord, "messageId" | "seq" | "sentMs" | "counts">,
  ): MessageStatus {
    if (message.seq !== null) {
      const { personId } = this.#context.account();
      return statusOf(conversation.members, personId, { ...message, seq: message.seq });
    }
    const stage = this.#outgoing.find(message.messageId)?.stage;
    if (stage === "failed") return "failed";
    return stage === "encrypted" ? "sending" : "queued";
  }

  async #preview(preview: PreviewRecord): Promise<Preview> {
    if (preview.kind !== "notice") return preview;
    return { kind: "notice", notice: await this.#notice(preview.notice) };
  }

  async #notice(record: NoticeRecord): Promise<Notice> {
    const by = await this.#people.plate(record.by);
    const people = await this.#people.plates(record.people);
    switch (record.kind) {
      case "created":
      case "photo":
      case "profile_refused":
        return { kind: record.kind, by };
      case "title":
        return { kind: record.kind, by, title: record.title ?? "" };
      case "added":
      case "removed":
        return { kind: record.kind, by, people, count: record.count ?? record.people.length };
      case "made_admin":
      case "revoked_admin":
        return { kind: record.kind, by, people };
      case "left":
      case "device_added":
      case "device_removed":
        return { kind: record.kind, people };
      case "joined_here":
      case "damaged":
      case "gap":
        return { kind: record.kind };
    }
  }

  async message(conversation: Conversation, record: MessageRecord): Promise<MessageItem> {
    await conversation.loadMembers();
    const content = decodedOf(record);
    const body: MessageBody =
      record.notice === null
        ? await this.#body(content)
        : { kind: "notice", notice: await this.#notice(record.notice) };
    const reply = "replyTo" in content ? content.replyTo : null;
    const status = record.mine ? this.#status(conversation, record) : null;
    return {
      messageId: record.messageId,
      conversationId: record.conversationId,
      seq: record.seq,
      sender: await this.#people.plate(record.senderId),
      mine: record.mine,
      sentMs: record.sentMs,
      body,
      replyTo: reply === null ? null : await this.#quote(record.conversationId, reply),
      // Stage and failure are stored at once; the message may have been read before, or told of after.
      status: status === "failed" && record.failure === null ? "queued" : status,
      failure: record.failure,
    };
  }

  async #body(content: Decoded): Promise<MessageBody> {
    switch (content.kind) {
      case "text":
        return { kind: "text", text: content.text, mentions: content.mentions };
      case "attachments":
        return {
          kind: "attachments",
          text: content.text,
          mentions: content.mentions,
          attachments: await this.attachments(content.attachments),
        };
      case "location": {
        const { kind, latitude, longitude, accuracyM, takenMs } = content;
        return { kind, latitude, longitude, accuracyM, takenMs };
      }
      default:
        return { kind: "unsupported" };
    }
  }

  attachments(pointers: readonly AttachmentPointer[]) {
    return Promise.all(pointers.map((pointer) => this.#attachments.view(pointer)));
  }

  /** The quoted message as it is here; its sender's words about it where it is not. */
  async #quote(conversationId: string, reply: ReplyPointer): Promise<ReplyQuote> {
    const quoted = await loadMessage(this.#context.vault, conversationId, reply.messageId);
    const here = quoted !== null;
    return {
      messageId: reply.messageId,
      sender: await this.#people.plate(here ? quoted.senderId : reply.personId),
      preview: here
        ? await this.#preview(previewOf(decodedOf(quoted)))
        : { kind: "text", text: reply.preview },
    };
  }
}
