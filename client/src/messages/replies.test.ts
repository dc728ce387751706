import { expect, it } from "vitest";
import { newId, type PersonId } from "../ids.ts";
import type { ReplyRecord } from "../mark-records.ts";
import { MOST_REPLIES, withReply } from "./replies.ts";

const FLOODS: PersonId = newId();
const reply = (personId: PersonId, position: number): ReplyRecord => ({
  ...{ messageId: newId(), personId, position },
});

it("keeps a place for everybody where one person replies without end", () => {
  const first = reply(newId(), 1);
  let replies: readonly ReplyRecord[] = [first];
  for (let at = 2; at < MOST_REPLIES + 100; at++) replies = withReply(replies, reply(FLOODS, at));
  const last = reply(newId(), MOST_REPLIES + 100);
  replies = withReply(withReply(replies, last), last);
  expect(replies).toHaveLength(MOST_REPLIES);
  expect(replies[0]).toBe(first);
  expect(replies.at(-1)).toBe(last);
  expect(replies.some(({ position }) => position === 2)).toBe(false);
  expect(replies.filter((one) => one === last)).toHaveLength(1);
});
