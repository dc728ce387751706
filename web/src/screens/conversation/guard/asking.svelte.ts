/**
 * Asks the guard before a message is handed in, and the person where the guard has something to
 * say. A guard that fails lets the message through: it must never stop duty talk.
 */
import type { ConversationItem, GuardVerdict, Outgoing } from "@copconnect/client/core";
import { core } from "../../../app/core.ts";

export interface Question {
  readonly verdict: GuardVerdict;
  readonly text: string;
  readonly answer: (send: boolean) => void;
}

export class GuardAsking {
  /** The sheet shows it; null: there is nothing to ask. */
  question = $state.raw<Question | null>(null);

  /** Whether a message may be handed in: at once, or because its person says so. */
  async allows(item: ConversationItem, outgoing: Outgoing): Promise<boolean> {
    const text = outgoing.kind === "text" || outgoing.kind === "attachments" ? outgoing.text : "";
    if (text === "") return true;
    let verdict: GuardVerdict;
    try {
      verdict = await core().guardVerdict(item.conversationId, text);
    } catch {
      return true;
    }
    if (verdict.act === "fine") return true;
    return new Promise((resolve) => {
      this.question = {
        verdict,
        text,
        answer: (send) => {
          this.question = null;
          resolve(send);
        },
      };
    });
  }
}
