import { describe, expect, it } from "vitest";
import { followAdmins } from "./admins.ts";
import type { Work } from "./conversation.ts";
import { answerAfterMs, applyProfile } from "./profile.ts";
import type { ConversationRecord } from "./records.ts";
import type { RosterChange } from "./wire.ts";

/** As much of a Work as a profile touches. */
function work(known: Partial<ConversationRecord>): Work {
  const made = {
    record: { conversationId: "c", kind: "group", title: null, photo: null, ...known },
    changes: [],
    set(change: Partial<ConversationRecord>): void {
      made.record = { ...made.record, ...change };
    },
  };
  return made as unknown as Work;
}

const at = { entryId: "e", seq: 7, sentMs: 1 };

/** What is known after `by` has said a title, and the notice that tells of it. */
function say(
  to: Work,
  title: string,
  by: "admin" | "member",
  told = false,
): readonly [string | null, string | undefined] {
  const profile = { kind: "profile", title, photo: null, told } as const;
  const [message] = applyProfile(to, profile, at, by, by === "admin");
  return [to.record.title, message?.notice?.kind];
}

describe("a group's name", () => {
  it("is changed by admins, and what others say of it is recorded and changes nothing", () => {
    const group = work({ title: "Beat 4" });
    expect(say(group, "Beat 5", "admin")).toEqual(["Beat 5", "title"]);
    expect(say(group, "Mine", "member")).toEqual(["Beat 5", "profile_refused"]);
    expect(say(group, "Beat 5", "member")).toEqual(["Beat 5", undefined]);
  });

  it("is told by anybody to who knows none, until an admin says it", () => {
    const group = work({});
    expect(say(group, "Mine", "member", true)).toEqual(["Mine", undefined]);
    expect(say(group, "Also mine", "member", true)).toEqual(["Mine", undefined]);
    expect(say(group, "Beat 5", "admin", true)).toEqual(["Beat 5", undefined]);
    expect(say(group, "Mine", "member", true)).toEqual(["Beat 5", undefined]);
    // A device of an admin that has come in late must not undo a change by telling the old name.
    expect(say(group, "Beat 4", "admin", true)).toEqual(["Beat 5", undefined]);
  });

  it("is an admin's word once an admin has said the same", () => {
    const group = work({});
    say(group, "Beat 5", "member", true);
    say(group, "Beat 5", "admin", true);
    expect(say(group, "Beat 4", "admin", true)).toEqual(["Beat 5", undefined]);
  });
});

describe("admins", () => {
  const nobody: RosterChange = {
    head: new Uint8Array(),
    added: [],
    removed: [],
    addedPeople: [],
    removedPeople: [],
    madeAdmin: [],
    revokedAdmin: [],
    by: null,
    reason: "members",
    cells: [],
    whole: true,
    peopleAdded: 0,
    peopleRemoved: 0,
  };

  it("follow the log, and are asked for anew after a change that names nobody", () => {
    const group = work({ admins: ["a"] });
    followAdmins(group, { ...nobody, madeAdmin: ["b"], addedPeople: ["b"], peopleAdded: 1 });
    expect(group.record.admins).toEqual(["a", "b"]);
    followAdmins(group, { ...nobody, revokedAdmin: ["a"] });
    expect(group.record.admins).toEqual(["b"]);
    followAdmins(group, { ...nobody, removedPeople: ["b"], peopleRemoved: 1 });
    expect(group.record.admins).toEqual([]);
    followAdmins(group, { ...nobody, peopleAdded: 60 });
    expect(group.record.admins).toBeUndefined();
    followAdmins(group, { ...nobody, madeAdmin: ["b"] });
    expect(group.record.admins).toBeUndefined();
  });
});

describe("a newcomer's question for the name", () => {
  it("is answered by a handful before they hear of each other, however many are asked", () => {
    const HEARD_MS = 250;
    for (const members of [2, 64, 1_000, 63_000]) {
      const answers = Array.from({ length: members }, (_, i) => answerAfterMs(members, i / members));
      const first = Math.min(...answers);
      expect(first).toBe(200);
      expect(answers.filter((at) => at < first + HEARD_MS).length).toBeLessThan(8);
    }
    expect(answerAfterMs(20, 0.999)).toBeLessThan(3_000);
  });
});
