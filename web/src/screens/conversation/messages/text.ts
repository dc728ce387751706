/**
 * A message's text as pieces: plain, a mention, or a link. Pure. Only http and https become links,
 * and a mention that does not lie within the text is ignored: the text comes from outside.
 */
import type { PersonId } from "@copconnect/client/wire";
import type { Mention, MessageBody } from "@copconnect/client/core";

export type Piece =
  | { readonly kind: "plain"; readonly text: string }
  | { readonly kind: "mention"; readonly text: string; readonly personId: PersonId }
  | { readonly kind: "link"; readonly text: string; readonly href: string };

const LINK = /https?:\/\/[^\s<>"'`]+/giu;
/** Punctuation that ends a sentence rather than an address. */
const TRAILING = /[.,;:!?)\]}।۔]+$/u;

function links(text: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  for (const match of text.matchAll(LINK)) {
    const address = match[0].replace(TRAILING, "");
    if (!URL.canParse(address)) continue;
    if (match.index > at) pieces.push({ kind: "plain", text: text.slice(at, match.index) });
    pieces.push({ kind: "link", text: address, href: new URL(address).href });
    at = match.index + address.length;
  }
  if (at < text.length) pieces.push({ kind: "plain", text: text.slice(at) });
  return pieces;
}

/** The words that a person wrote; empty where the message has none. */
export function textOf(body: MessageBody): string {
  return "text" in body ? body.text : "";
}

export function piecesOf(text: string, mentions: readonly Mention[]): readonly Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  for (const mention of [...mentions].sort((a, b) => a.start - b.start)) {
    const end = mention.start + mention.length;
    if (mention.start < at || mention.length <= 0 || end > text.length) continue;
    pieces.push(...links(text.slice(at, mention.start)));
    pieces.push({
      kind: "mention",
      text: text.slice(mention.start, end),
      personId: mention.personId,
    });
    at = end;
  }
  pieces.push(...links(text.slice(at)));
  return pieces;
}

const EMOJI = /^(?:\p{Extended_Pictographic}|\p{Regional_Indicator}{2})/u;
const clusters = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** Up to three emoji and nothing else: shown large. */
export function onlyEmoji(text: string): boolean {
  if (text === "" || text.length > 48) return false;
  const found = [...clusters.segment(text)].map((one) => one.segment);
  return found.length <= 3 && found.every((one) => EMOJI.test(one));
}
