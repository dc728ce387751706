import { describe, expect, it } from "vitest";
import type { CardSource } from "../conversation/called-people.ts";
import type { Conversation } from "../conversation/conversation.ts";
import type { Identity } from "../context.ts";
import type { PersonId, UnitId } from "../ids.ts";
import type { PersonCard } from "../keys/trust/person-card.ts";
import type { names } from "../kinds/called.ts";
import type { Decoded } from "../kinds/content.ts";
import { EVERYBODY_DEVICES, WAKES } from "../limits.ts";
import type { ConversationKind, Member } from "../wire.ts";
import { mentionedPeople } from "./mentions.ts";

type Called = Parameters<typeof names>[0];
const person = (number: number): PersonId => number.toString(16).padStart(32, "0") as PersonId;
const [ME, ASHA, RAVI, PADMA] = [person(1), person(2), person(3), person(4)];
const said = (text: string) => [{ script: "Latn", text }];
const CARDS: Readonly<Record<PersonId, [rank: string, post: string, path: string]>> = {
  [ME]: ["Inspector", "SHO", "state/east"],
  [ASHA]: ["Inspector", "SHO", "state/west"],
  [RAVI]: ["Inspector", "Traffic", "state/east"],
};
const context: CardSource & { identity: () => Identity } = {
  identity: () => ({ personId: ME }) as Identity,
  trust: {
    card: (personId) => {
      const [rank, post, path] = CARDS[personId] ?? [];
      if (rank === undefined || post === undefined) return Promise.resolve(null);
      return Promise.resolve({ rank: said(rank), post: said(post), path } as unknown as PersonCard);
    },
  },
};

function woken(called: readonly Called[], kind: ConversationKind = "group", devices = 1) {
  const content: Decoded = {
    kind: "text",
    text: "Come to the gate.",
    mentions: called.map((one) => ({ ...one, start: 0, length: 4 })),
    replyTo: null,
    forwards: 0,
  };
  const members = { members: [ME, ASHA, RAVI, PADMA].map((personId) => ({ personId }) as Member) };
  return mentionedPeople(
    context,
    { record: { kind, admin: false, devices, members: 4 }, members } as unknown as Conversation,
    content,
  );
}

describe("people whom a message calls", () => {
  it("are those it names, once each and without its writer", async () => {
    const named = [ASHA, ME, RAVI, ASHA].map((personId) => ({ personId }));
    expect(await woken(named)).toEqual([ASHA, RAVI]);
    expect(await woken([], "unit")).toEqual([]);
  });

  it("are the members whose signed cards have the post or the rank", async () => {
    expect(await woken([{ post: "SHO", unitId: "west" as UnitId }])).toEqual([ASHA]);
    expect(await woken([{ post: "SHO", unitId: "east" as UnitId }])).toEqual([]);
    expect(await woken([{ post: "SHO", unitId: null }, { personId: PADMA }])).toEqual([
      PADMA,
      ASHA,
    ]);
    expect(await woken([{ rank: "Inspector" }])).toEqual([ASHA, RAVI]);
    const many = EVERYBODY_DEVICES + 1;
    expect(
      await woken([{ rank: "Inspector" }, { post: "SHO", unitId: null }], "group", many),
    ).toEqual([]);
    // The server wakes everybody without a list.
    expect(await woken([{ everybody: true }])).toEqual([]);
  });

  it("are nobody in a direct conversation, and never too many for the server", async () => {
    expect(await woken([{ personId: ASHA }], "direct")).toEqual([]);
    const many = Array.from({ length: 50 }, (_, at) => ({ personId: person(at + 10) }));
    expect(await woken(many)).toHaveLength(WAKES);
  });
});
