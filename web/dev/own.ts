/** Personal items in a core in memory. */
import type { Core, Folder, MessageItem } from "@copconnect/client/core";
import type { ConversationId, MessageId } from "@copconnect/client/wire";
import type { Talk } from "#practice/station.ts";

export interface Station {
  readonly talks: readonly Talk[];
  talk(conversationId: ConversationId): Talk;
  change(talk: Talk, change: Partial<Talk["item"]>): unknown;
  put(talk: Talk, message: MessageItem): void;
  remove(talk: Talk, messageId: MessageId): void;
  newId(): Folder["folderId"];
}

export function ownCore(station: Station): Core["oneself"] {
  const hidden = new Map<MessageId, MessageItem>();
  let folders: readonly Folder[] = [];
  const message = (talk: Talk, id: MessageId): MessageItem | undefined =>
    talk.messages.find(({ messageId }) => messageId === id);
  const inFolders = (talk: Talk, wanted: (id: Folder["folderId"]) => boolean): void => {
    station.change(talk, { folders: folders.filter(({ folderId }) => wanted(folderId)) });
  };
  const refile = (): void => {
    for (const talk of station.talks) {
      const held = talk.item.folders.map(({ folderId }) => folderId);
      inFolders(talk, (id) => held.includes(id));
    }
  };
  return {
    star: async (conversationId, messageIds, on) => {
      const talk = station.talk(conversationId);
      for (const found of messageIds.map((id) => message(talk, id))) {
        if (found === undefined) continue;
        const next: { starred?: true } & MessageItem = { ...found, starred: true };
        if (!on) delete next.starred;
        station.put(talk, next);
      }
    },
    starred: async (after, limit) => {
      const all = station.talks.flatMap(({ messages }) => messages.filter((one) => one.starred));
      const messages = all.toReversed().slice(after, after + limit);
      return { messages, more: all.length > after + limit };
    },
    archive: async (at, on) => void station.change(station.talk(at), { archived: on }),
    pin: async (at, on) => void station.change(station.talk(at), { pinned: on }),
    markUnread: async (at, on) => void station.change(station.talk(at), { markedUnread: on }),
    delete: async (conversationId, messageIds) => {
      const talk = station.talk(conversationId);
      for (const id of messageIds) {
        const found = message(talk, id);
        if (found !== undefined) hidden.set(id, found);
        station.remove(talk, id);
      }
    },
    clear: async (at) => {
      const talk = station.talk(at);
      const cleared = { clearedSeq: talk.messages.at(-1)?.seq ?? 0, clearedMs: Date.now() };
      station.change(talk, { ...cleared, last: null, unread: 0 });
    },
    undo: async (conversationId, messageIds) => {
      const talk = station.talk(conversationId);
      if (messageIds === null) station.change(talk, { clearedSeq: 0 });
      for (const found of (messageIds ?? []).map((id) => hidden.get(id)))
        if (found !== undefined) station.put(talk, found);
    },
    folders: async () => folders,
    nameFolder: async (name, folderId = station.newId()) => {
      const others = folders.filter((one) => one.folderId !== folderId);
      folders = [...others, { folderId, name: name.trim() }];
      refile();
      return folderId;
    },
    removeFolder: async (folderId) => {
      folders = folders.filter((one) => one.folderId !== folderId);
      refile();
    },
    file: async (conversationId, folderId, on) => {
      const talk = station.talk(conversationId);
      const held = talk.item.folders.map((one) => one.folderId);
      inFolders(talk, (id) => (id === folderId ? on : held.includes(id)));
    },
  };
}
