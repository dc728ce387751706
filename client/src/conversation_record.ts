/** Conversation records from what the server says. Pure. */
import type { ConversationRecord } from "./records.ts";
import type { Conversation as WireConversation } from "./wire.ts";

/** A conversation that this device meets for the first time. */
export function newRecord(info: WireConversation): ConversationRecord {
  return refreshed(
    {
      conversationId: info.conversationId,
      kind: info.kind,
      suite: info.suite,
      cellId: info.cells[0]?.cellId ?? "",
      cells: info.cellsTotal,
      createdBy: info.createdBy,
      createdMs: info.createdMs,
      members: info.members,
      some: [],
      whoMayPost: info.whoMayPost,
      admin: info.admin,
      directPersonId: info.directPersonId,
      preferences: info.preferences,
      rosterEpoch: info.rosterEpoch,
      state: "joining",
      alarm: null,
      cursor: 0,
      joinedSeq: 0,
      undecryptable: 0,
      everJoined: false,
      readSeq: 0,
      unread: 0,
      mentioned: false,
      title: null,
      photo: null,
      last: null,
      own: null,
      draft: null,
    },
    info,
  );
}

/** The record with the server's newest word on everything that is the server's to say. */
export function refreshed(record: ConversationRecord, info: WireConversation): ConversationRecord {
  // The server's list is of its newest entry; what is processed up to there follows the log.
  const asked = info.admins !== null && (record.admins === undefined || record.cursor >= info.lastSeq);
  return {
    ...record,
    ...(asked ? { admins: info.admins } : {}),
    cells: info.cellsTotal,
    cellsReady: info.cellsReady,
    audience: info.audience,
    members: info.members,
    whoMayPost: info.whoMayPost,
    admin: info.admin,
    directPersonId: info.directPersonId,
    preferences: info.preferences,
    infoVersion: info.infoVersion,
    rosterEpoch: Math.max(record.rosterEpoch, info.rosterEpoch),
  };
}
