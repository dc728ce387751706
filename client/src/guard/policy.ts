/**
 * The policy of the guard: which classes are nudged or insisted on, where, for whom, at what hours.
 * docs/guard-model.md, section Policy; `conduct/guard/policy.py` reads the same file.
 */
import type { ForwardingLimits, GuardAct, GuardPlace, GuardPolicy } from "../seam/guard.ts";
import type { ConversationKind, WhoMaySend } from "../wire.ts";
import { Malformed, list, object } from "./model.ts";

/** Read a policy. Throws Malformed. */
export function readPolicy(text: string): GuardPolicy {
  let head: unknown;
  try {
    head = JSON.parse(text);
  } catch {
    throw new Malformed("the policy is not readable");
  }
  const fields = object(head);
  const places = object(fields["places"]);
  const [from, to] = list(fields["hours"]).map(number);
  if (from === undefined || to === undefined || from < 0 || to > 24)
    throw new Malformed("hours are out of range");
  const acts = (place: GuardPlace): GuardPolicy["places"][GuardPlace] => {
    const found = object(places[place]);
    return { nudge: list(found["nudge"]).map(String), insist: list(found["insist"]).map(String) };
  };
  return {
    number: number(fields["number"]),
    largeFrom: number(fields["large_from"]),
    hours: [from, to],
    exemptRanks: list(fields["exempt_ranks"]).map(String),
    forwarding: forwarding(object(fields["forwarding"])),
    places: {
      direct: acts("direct"),
      group: acts("group"),
      large: acts("large"),
      announcement: acts("announcement"),
    },
  };
}

/** The facts of a conversation that say what kind of place it is. */
export interface ConversationFacts {
  readonly kind: ConversationKind;
  readonly members: number;
  readonly whoMaySend: WhoMaySend;
}

/** The kind of place that a conversation is to the guard. */
export function placeOf(
  policy: Pick<GuardPolicy, "largeFrom">,
  conversation: ConversationFacts,
): GuardPlace {
  if (conversation.kind === "direct") return "direct";
  const announces = conversation.kind === "announcement" || conversation.whoMaySend === "admins";
  if (announces) return "announcement";
  return conversation.members >= policy.largeFrom ? "large" : "group";
}

/** The act on a message of a class there, for a person of this rank, at this hour. */
export function actOf(
  policy: GuardPolicy,
  claimed: string,
  place: GuardPlace,
  rank: string | null,
  hour: number,
): GuardAct {
  if (rank !== null && policy.exemptRanks.includes(rank)) return "fine";
  const [from, to] = policy.hours;
  const acts = from <= to ? hour >= from && hour < to : hour >= from || hour < to;
  if (!acts) return "fine";
  const { nudge, insist } = policy.places[place];
  if (insist.includes(claimed)) return "insist";
  return nudge.includes(claimed) ? "nudge" : "fine";
}

function forwarding(fields: Record<string, unknown>): ForwardingLimits {
  const limits = {
    chats: number(fields["chats"]),
    often: number(fields["often"]),
    oftenChats: number(fields["often_chats"]),
    large: fields["large"],
    announcement: fields["announcement"],
  };
  const { chats, often, oftenChats, large, announcement } = limits;
  if (oftenChats < 0 || oftenChats > chats || chats > 50 || often < 1 || often > 255)
    throw new Malformed("a limit of forwarding is out of range");
  if (typeof large !== "boolean" || typeof announcement !== "boolean")
    throw new Malformed("true or false is expected");
  return { chats, often, oftenChats, large, announcement };
}

function number(value: unknown): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value))
    throw new Malformed("a number is expected");
  return value;
}
