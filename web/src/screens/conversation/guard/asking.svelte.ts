/**
 * Asks the guard before a message is handed in, and the person where the guard has something to
 * say. A guard that fails lets the message through: it must never stop duty talk.
 */
import type { ConversationId } from "@copconnect/client/wire";
import {
  allWordsOf,
  type ConversationItem,
  type GuardVerdict,
  type LinkedPage,
  type Outgoing,
} from "@copconnect/client/core";
import { core } from "#app/core.ts";

interface GuardFinding {
  readonly verdict: GuardVerdict;
  /** Empty: a picture was found. */
  readonly text: string;
}

export interface Question extends GuardFinding {
  readonly answer: (send: boolean) => void;
}

export class GuardAsking {
  /** The sheet shows it; null: there is nothing to ask. */
  question = $state.raw<Question | null>(null);

  /** Whether a message may be handed in to these: at once, or because its person says so, after `onquestion`. */
  allows(
    items: readonly ConversationItem[],
    outgoing: Outgoing,
    onquestion?: () => void,
  ): Promise<boolean> {
    const files = outgoing.kind === "attachments" || isOrder(outgoing) ? outgoing.attachments : [];
    const page = outgoing.kind === "text" ? outgoing.page : undefined;
    const texts = [textOf(outgoing), ...wordsOfPage(page)];
    const pictures = files.filter(({ kind }) => kind === "image").map(({ file }) => file);
    pictures.push(...pictureOfPage(page));
    return this.allowsAll(items, texts, pictures, onquestion, isOrder(outgoing));
  }

  /** The same for texts and pictures that go to several conversations: asked once, with all they reach. */
  async allowsAll(
    items: readonly ConversationItem[],
    texts: readonly string[],
    pictures: readonly Blob[] = [],
    onquestion?: () => void,
    pressing = false,
  ): Promise<boolean> {
    const asked = items.flatMap(({ conversationId }) => [
      ...texts.filter((text) => text !== "").map((text) => judged(conversationId, text, pressing)),
      ...(pictures.length > 0 ? [seen(conversationId, pictures)] : []),
    ]);
    const found = (await Promise.all(asked)).flat();
    const worst = found.find(({ verdict }) => verdict.act === "insist") ?? found[0];
    if (worst === undefined) return true;
    const { text } = worst;
    const others = found
      .filter((one) => one.text === text)
      .reduce((sum, one) => sum + one.verdict.others, 0);
    const verdict = { ...worst.verdict, others };
    onquestion?.();
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

/** The words of a link's preview, which the guard judges; {@link pictureOfPage} has its picture. */
export function wordsOfPage(page: LinkedPage | undefined): readonly string[] {
  return page === undefined ? [] : [`${page.title}\n${page.description}`.trim()];
}

export function pictureOfPage(page: LinkedPage | undefined): readonly Blob[] {
  return page?.picture == null ? [] : [new Blob([Uint8Array.from(page.picture)])];
}

type OfOrder = Extract<Outgoing, { kind: "order" | "order_change" }>;

function isOrder(outgoing: Outgoing): outgoing is OfOrder {
  return outgoing.kind === "order" || outgoing.kind === "order_change";
}

/** The words that the guard judges. */
function textOf(outgoing: Outgoing): string {
  if (isOrder(outgoing)) return allWordsOf(outgoing).join("\n");
  return outgoing.kind === "text" || outgoing.kind === "attachments" ? outgoing.text : "";
}

/** The verdict where the guard has something to say; none where it fails. */
async function judged(
  conversationId: ConversationId,
  text: string,
  pressing: boolean,
): Promise<readonly GuardFinding[]> {
  try {
    const verdict = await core().guard.verdict(conversationId, text, pressing);
    return verdict.act === "fine" ? [] : [{ text, verdict }];
  } catch {
    return [];
  }
}

async function seen(
  conversationId: ConversationId,
  pictures: readonly Blob[],
): Promise<readonly GuardFinding[]> {
  try {
    const { judgedPictures } = await import("./pictures.ts");
    const verdicts = await judgedPictures(conversationId, pictures);
    return verdicts.slice(0, 1).map((verdict) => ({ verdict, text: "" }));
  } catch {
    return [];
  }
}
