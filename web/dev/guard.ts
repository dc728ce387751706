/** The scripted core's guard: three words that it knows, and the policy that is shipped. */
import type {
  ConversationItem,
  GuardMistake,
  GuardPolicy,
  GuardVerdict,
  GuardView,
} from "@copconnect/client/core";
import type { ConversationId } from "@copconnect/client/wire";
import { CLASSES } from "../src/screens/conversation/guard/words.ts";
import { ScriptedTrust } from "./trust.ts";

const NUDGED = ["motivational", "emoji"];
const WORDS: readonly (readonly [string, string])[] = [
  ["good morning", "greeting"],
  ["శుభోదయం", "greeting"],
  ["happy diwali", "festival"],
];

const GUARD_POLICY: GuardPolicy = {
  number: 1,
  largeFrom: 100,
  hours: [0, 24],
  exemptRanks: [],
  forwarding: { chats: 5, often: 5, oftenChats: 1, large: false, announcement: false },
  places: {
    direct: { nudge: [], hold: [] },
    group: { nudge: CLASSES, hold: [] },
    large: { nudge: NUDGED, hold: CLASSES.filter((one) => !NUDGED.includes(one)) },
    announcement: { nudge: [], hold: CLASSES },
  },
};

function verdictOn(item: ConversationItem, text: string): GuardVerdict {
  const others = Math.max(0, item.members - 1);
  const found = WORDS.find(([words]) => text.toLowerCase() === words);
  if (found === undefined || item.kind === "direct")
    return { act: "fine", claimed: "fine", others };
  const act = item.members >= GUARD_POLICY.largeFrom ? "hold" : "nudge";
  return { act, claimed: found[1], others };
}

export abstract class ScriptedGuard extends ScriptedTrust {
  #mistakes: readonly GuardMistake[] = [];

  abstract conversation(conversationId: ConversationId): Promise<ConversationItem>;

  async guardVerdict(conversationId: ConversationId, text: string): Promise<GuardVerdict> {
    return verdictOn(await this.conversation(conversationId), text);
  }
  guard(): Promise<GuardView> {
    return Promise.resolve({ policy: GUARD_POLICY, weights: 1, mistakes: this.#mistakes });
  }
  guardWasWrong(claimed: string, text: string): Promise<void> {
    this.#mistakes = [{ atMs: Date.now(), claimed, text }, ...this.#mistakes];
    return Promise.resolve();
  }
  forgetGuardMistakes(): Promise<void> {
    this.#mistakes = [];
    return Promise.resolve();
  }
}
