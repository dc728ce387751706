/** The guard's policy while it is changed, and its JSON. Pure. */
import type { ForwardingLimits, GuardAct, GuardPlace, GuardPolicy } from "@copconnect/client/core";

export function actOn(policy: GuardPolicy, claimed: string, place: GuardPlace): GuardAct {
  const { nudge, insist } = policy.places[place];
  if (insist.includes(claimed)) return "insist";
  return nudge.includes(claimed) ? "nudge" : "fine";
}

export function withAct(
  policy: GuardPolicy,
  claimed: string,
  place: GuardPlace,
  act: GuardAct,
): GuardPolicy {
  const { nudge, insist } = policy.places[place];
  const others = (list: readonly string[]): readonly string[] =>
    list.filter((one) => one !== claimed);
  const lists = {
    nudge: act === "nudge" ? [...others(nudge), claimed] : others(nudge),
    insist: act === "insist" ? [...others(insist), claimed] : others(insist),
  };
  return { ...policy, places: { ...policy.places, [place]: lists } };
}

export function withForwarding(
  policy: GuardPolicy,
  change: Partial<ForwardingLimits>,
): GuardPolicy {
  return { ...policy, forwarding: { ...policy.forwarding, ...change } };
}

/** Whether the server takes these numbers. */
export function isWhole({ largeFrom, hours, forwarding }: GuardPolicy): boolean {
  const within = (value: number, least: number, most: number): boolean =>
    Number.isSafeInteger(value) && value >= least && value <= most;
  return (
    within(largeFrom, 2, 1_000_000) &&
    hours.every((hour) => within(hour, 0, 24)) &&
    within(forwarding.chats, 0, 50) &&
    within(forwarding.often, 1, 255) &&
    within(forwarding.oftenChats, 0, forwarding.chats)
  );
}

/** The JSON that devices read (docs/guard-model.md, section Policy). */
export function policyText(policy: GuardPolicy): string {
  const { number, largeFrom, hours, exemptRanks, forwarding, places } = policy;
  const { chats, often, oftenChats, large, announcement } = forwarding;
  return JSON.stringify({
    ...{ number, large_from: largeFrom, hours, exempt_ranks: exemptRanks },
    forwarding: { chats, often, often_chats: oftenChats, large, announcement },
    places,
  });
}

export function isSame(a: GuardPolicy, b: GuardPolicy): boolean {
  return policyText({ ...a, number: 0 }) === policyText({ ...b, number: 0 });
}
