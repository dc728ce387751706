/** A group in which one member's device does as it likes (insider.ts). */
import { newId, type ConversationId, type MessageId } from "#core/ids.ts";
import { Insider, type OwnKey } from "./insider.ts";
import type { MemoryServer } from "../memory/server.ts";
import type { Officer } from "./officer.ts";
import { World } from "./world.ts";

export interface InsiderGroup {
  readonly world: World<MemoryServer>;
  readonly insider: Insider;
  readonly officers: readonly Officer[];
  readonly id: ConversationId;
  /** The conversation key of all members: with it the insider opens every message of theirs. */
  readonly key: OwnKey;
  /** An officer's text, once the server has it and every officer shows it. */
  said(by: Officer, text: string): Promise<MessageId>;
  close(): Promise<void>;
}

/** A group that the insider made of so many officers, each of whom follows it. */
export async function insiderGroup(people: number): Promise<InsiderGroup> {
  const world = await World.make({ people });
  const { officers } = world;
  const insider = await Insider.register(world.server, 50);
  const id: ConversationId = newId();
  await insider.api.createConversation({
    ...{ conversationId: id, kind: "group", personIds: officers.map(({ person }) => person) },
    ...{ whoMaySend: "everyone", historyDays: 0, audience: null },
  });
  const key = await insider.makeKey(id);
  await Promise.all(officers.map((one) => one.ready(id)));
  const said = async (by: Officer, text: string): Promise<MessageId> => {
    const { messageId } = await by.text(id, text);
    for (const one of officers) await one.accepted(id, messageId);
    return messageId;
  };
  const close = async (): Promise<void> => {
    await world.close();
    await world.server.close();
  };
  return { world, insider, officers, id, key, said, close };
}
