/** Conversation records from what the server says. Pure. */
import { ZEROS } from "../keys/format/hashing.ts";
import { EVERYBODY_DEVICES } from "../limits.ts";
import type { ConversationRecord } from "../records.ts";
import type { DraftForm } from "../seam/conversations.ts";
import type { Conversation as WireConversation } from "../wire.ts";

/** The oldest drafts beyond so many give way, or those of each edited message would pile up. */
const MOST_FORM_DRAFTS = 20;

/** The change of a record that keeps the words of a form; null: the form has none. */
export function withDraft(
  { formDrafts = {} }: Pick<ConversationRecord, "formDrafts">,
  form: DraftForm,
  draft: string | null,
): Partial<ConversationRecord> {
  if (form === "composer") return { draft };
  const others = Object.entries(formDrafts).filter(([one]) => one !== form);
  const kept = draft === null ? others : [...others, [form, draft] as const];
  return { formDrafts: Object.fromEntries(kept.slice(-MOST_FORM_DRAFTS)) };
}

/** A conversation that this device meets for the first time. */
export function newRecord(info: WireConversation): ConversationRecord {
  return refreshed(
    {
      conversationId: info.conversationId,
      kind: info.kind,
      createdBy: info.createdBy,
      createdMs: info.createdMs,
      audience: info.audience,
      standing: info.standing,
      members: info.members,
      unregistered: info.unregistered,
      devices: 0,
      listedPeople: 0,
      some: [],
      whoMaySend: info.whoMaySend,
      admin: info.admin,
      sendLostMs: null,
      directPersonId: null,
      preferences: info.preferences,
      historyDays: info.historyDays,
      historyFromMs: info.historyFromMs,
      infoVersion: info.infoVersion,
      state: "waiting",
      alarm: null,
      standstill: false,
      incarnation: 0,
      log: null,
      history: null,
      whole: false,
      headEpoch: 0,
      chain: { seq: 0, hash: ZEROS },
      waiting: 0,
      refused: null,
      readSeq: info.readSeq,
      unread: 0,
      mentions: 0,
      newsSeq: 0,
      calledSeq: 0,
      unreadFromMs: 0,
      profile: null,
      pins: [],
      last: null,
      own: null,
      indexed: null,
      draft: null,
      draftFiles: [],
    },
    info,
  );
}

/**
 * The record with the server's newest word on everything that is the server's to say. From when this person reads, the
 * own leaf says.
 */
export function refreshed(record: ConversationRecord, info: WireConversation): ConversationRecord {
  return {
    ...record,
    audience: info.audience,
    standing: info.standing,
    members: Math.max(info.members, record.listedPeople),
    unregistered: info.unregistered,
    whoMaySend: info.whoMaySend,
    admin: info.admin,
    preferences: info.preferences,
    historyDays: info.historyDays,
    infoVersion: info.infoVersion,
  };
}

/** Whether a message at a place of the log is one that this person has not read. */
export function isUnread(
  { readSeq, unreadFromMs }: Pick<ConversationRecord, "readSeq" | "unreadFromMs">,
  { seq, sentMs }: { readonly seq: number; readonly sentMs: number },
): boolean {
  return seq > readSeq && sentMs >= unreadFromMs;
}

/** The message that brings an archived conversation back: a muted one, an order or a mention alone. */
export function newsOf(
  { newsSeq, calledSeq, newsMs = 0, calledMs = 0 }: ConversationRecord,
  muted: boolean,
): { readonly order: number; readonly sentMs: number } {
  if (muted) return { order: calledSeq, sentMs: calledMs };
  return { order: Math.max(newsSeq, calledSeq), sentMs: Math.max(newsMs, calledMs) };
}

const MUTED_ALWAYS = -1;

export function isMuted(mutedUntilMs: number | null, nowMs: number): boolean {
  return mutedUntilMs !== null && (mutedUntilMs === MUTED_ALWAYS || mutedUntilMs > nowMs);
}

/** From when this device reads; null: everything, as somebody who belongs from the start. */
export function readableFrom({
  historyFromMs,
  createdMs,
}: Pick<ConversationRecord, "historyFromMs" | "createdMs">): number | null {
  return historyFromMs <= createdMs ? null : historyFromMs;
}

/** Whether this person may mention everybody, a rank or a post of all units here (M5). */
export function mayCallEverybody({ kind, admin, devices, members }: ConversationRecord): boolean {
  return kind !== "direct" && (admin || Math.max(devices, members) <= EVERYBODY_DEVICES);
}
