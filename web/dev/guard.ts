/** The scripted core's guard: three words that it knows, and the policy that is shipped. */
import type {
  ConversationItem,
  ForwardChoice,
  GuardMistake,
  GuardPolicy,
  GuardVerdict,
  GuardView,
} from "@copconnect/client/core";
import type { ConversationId, MessageId } from "@copconnect/client/wire";
import { CLASSES } from "#screens/conversation/guard/words.ts";
import { ScriptedTrust } from "./trust.ts";

const NUDGED = ["motivational", "emoji"];
const WORDS: readonly (readonly [string, string])[] = [
  ["good morning", "greeting"],
  ["శుభోదయం", "greeting"],
  ["happy diwali", "festival"],
];

export const GUARD_POLICY: GuardPolicy = {
  number: 1,
  largeFrom: 100,
  hours: [0, 24],
  exemptRanks: [],
  forwarding: { chats: 5, often: 5, oftenChats: 1, large: false, announcement: false },
  places: {
    direct: { nudge: [], insist: [] },
    group: { nudge: CLASSES, insist: [] },
    large: { nudge: NUDGED, insist: CLASSES.filter((one) => !NUDGED.includes(one)) },
    announcement: { nudge: [], insist: CLASSES },
  },
};

function verdictOn(item: ConversationItem, text: string): GuardVerdict {
  const others = Math.max(0, item.members - 1);
  const found = WORDS.find(([words]) => text.toLowerCase() === words);
  if (found === undefined || item.kind === "direct")
    return { act: "fine", claimed: "fine", others };
  const act = item.members >= GUARD_POLICY.largeFrom ? "insist" : "nudge";
  return { act, claimed: found[1], others };
}

export abstract class ScriptedGuard extends ScriptedTrust {
  #mistakes: readonly GuardMistake[] = [];

  readonly forwarding = {
    ...this.ownForwarding,
    choice: async (
      conversationId: ConversationId,
      messageId: MessageId,
    ): Promise<ForwardChoice> => {
      const { forwarded } = this.message({ conversationId, messageId });
      const often = forwarded === "often";
      const { chats, oftenChats } = GUARD_POLICY.forwarding;
      return {
        most: often ? oftenChats : chats,
        often,
        closed: this.talks.flatMap(({ item }) => {
          const announces = item.kind === "announcement" || item.whoMaySend === "admins";
          const why = announces ? "announcement" : "large";
          const open = !announces && item.members < GUARD_POLICY.largeFrom;
          return open ? [] : [{ conversationId: item.conversationId, why } as const];
        }),
      };
    },
  };

  readonly guard = {
    verdict: async (conversationId: ConversationId, text: string): Promise<GuardVerdict> => {
      return verdictOn(this.talk(conversationId).item, text);
    },
    /** Every picture that has a hash is a known greeting here. */
    pictureVerdict: async (conversationId: ConversationId): Promise<GuardVerdict> => {
      return verdictOn(this.talk(conversationId).item, "good morning");
    },
    view: (): Promise<GuardView> => {
      const pictures = 3;
      return Promise.resolve({
        policy: GUARD_POLICY,
        weights: 1,
        pictures,
        mistakes: this.#mistakes,
      });
    },
    claims: (text: string): Promise<string | null> => {
      return Promise.resolve(WORDS.find(([words]) => text.toLowerCase() === words)?.[1] ?? "fine");
    },
    wasWrong: (claimed: string, text: string): Promise<void> => {
      this.#mistakes = [{ atMs: Date.now(), claimed, text }, ...this.#mistakes];
      return Promise.resolve();
    },
    forgetMistakes: (): Promise<void> => {
      this.#mistakes = [];
      return Promise.resolve();
    },
  };
}
