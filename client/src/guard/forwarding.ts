/**
 * The department's policy on forwarding: to how many conversations at once, and which take none
 * (docs/guard-model.md, section Policy). Pure.
 */
import type { ForwardClosed, GuardPolicy } from "../seam/guard.ts";
import { placeOf, type ConversationFacts } from "./policy.ts";

export type ForwardingPolicy = Pick<GuardPolicy, "forwarding" | "largeFrom">;

/** It holds on a device that has no policy yet. */
export const FORWARDING_BEFORE_POLICY: ForwardingPolicy = {
  largeFrom: 100,
  forwarding: { chats: 5, often: 5, oftenChats: 1, large: false, announcement: false },
};

/** To how many conversations at once a message goes that was forwarded `forwards` times before. */
export function mostChats({ forwarding }: ForwardingPolicy, forwards: number): number {
  return forwards >= forwarding.often ? forwarding.oftenChats : forwarding.chats;
}

/** Why a conversation takes no forwards of this person's; null: it takes them. */
export function forwardClosed(
  policy: ForwardingPolicy,
  conversation: ConversationFacts & { readonly admin: boolean },
): ForwardClosed | null {
  const place = placeOf(policy, conversation);
  if (place === "announcement" && !policy.forwarding.announcement) return "announcement";
  if (place === "large" && !policy.forwarding.large) return "large";
  return conversation.whoMaySend === "admins" && !conversation.admin ? "send" : null;
}
