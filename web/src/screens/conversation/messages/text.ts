/**
 * A message's text as pieces: plain, a mention, a link, or *bold* and _italic_ around pieces. Pure. Web
 * and e-mail addresses and phone numbers become links, other schemes do not, and a mention that does not
 * lie within the text is ignored: the text comes from outside.
 */
import type { Language, PersonId } from "@copconnect/client/wire";
import {
  WEB,
  webLink,
  wordingIn,
  type Mention,
  type MessageBody,
  type MessageItem,
  type TitledText,
} from "@copconnect/client/core";

export type Piece =
  | { readonly kind: "plain"; readonly text: string }
  /** A mention of a person; null: of a post, a rank or everybody. */
  | { readonly kind: "mention"; readonly text: string; readonly personId: PersonId | null }
  | {
      readonly kind: "link";
      readonly text: string;
      readonly href: string;
      /** The host to which it leads, where the text reads otherwise. */
      readonly host?: string;
    }
  /** A phone number, as E.164. */
  | { readonly kind: "phone"; readonly text: string; readonly number: string }
  | {
      readonly kind: "bold" | "italic";
      /** The sign before and after the pieces in the source. */
      readonly mark: string;
      readonly pieces: readonly Piece[];
    };

type Linked = Piece & { readonly kind: "link" };

/** A mention or a link, at its place in the text. */
interface Whole {
  readonly start: number;
  readonly end: number;
  readonly piece: Piece;
}

const MAIL = /(?<![\w.+-])[\w.+-]+@[a-z\d-]+(?:\.[a-z\d-]+)*\.[a-z]{2,}(?![\w@-])/u;
/** Digits that may be a phone number: not those of a date, a sum, or a longer number. */
const DIGITS = /(?<![\p{L}\p{N}_#+/]|\d[.,:-])\+?\d(?:[ -]?\d){7,14}(?![\p{L}\p{N}_/:-]|[.,]\d)/u;
const LINK = new RegExp(`(?<web>${WEB.source})|(?<mail>${MAIL.source})|${DIGITS.source}`, "giu");
/** A sign of each of them: most texts have none, and a search for a sign alone needs no tables of letters. */
const MAY_LINK = /@|:\/\/|www\.|\d(?:[ -]?\d){7}/iu;
/** Marks around whole words of one line, without the mark in between. */
const STYLED = /(?<![\p{L}\p{M}\p{N}*_])([*_])(?!\s)(?:(?!\1).)+(?<!\s)\1(?![\p{L}\p{M}\p{N}*_])/gu;

function linksIn(text: string, from: number): Whole[] {
  if (!MAY_LINK.test(text)) return [];
  return [...text.matchAll(LINK)].flatMap((match) => {
    const { web, mail } = match.groups ?? {};
    const [found] = match;
    const piece =
      web !== undefined ? pageLink(web) : mail !== undefined ? mailLink(mail) : phoneLink(found);
    const start = from + match.index;
    return piece === null ? [] : [{ start, end: start + piece.text.length, piece }];
  });
}

function pageLink(found: string): Linked | null {
  const link = webLink(found);
  if (link === null) return null;
  const { text, url } = link;
  const written = /^(?:https?:\/\/)?([^/?#\\:]*)/iu.exec(text)?.[1]?.toLowerCase();
  const { href, hostname } = url;
  return { kind: "link", text, href, ...(hostname === written ? {} : { host: hostname }) };
}

function mailLink(text: string): Linked {
  return { kind: "link", text, href: `mailto:${text}` };
}

function phoneLink(text: string): (Piece & { readonly kind: "phone" }) | null {
  const number = phoneNumber(text);
  return number === null ? null : { kind: "phone", text, number };
}

/** An Indian number, or another with its country's code, as E.164; null: these digits are none. */
function phoneNumber(text: string): string | null {
  const digits = text.replaceAll(/\D/gu, "");
  if (text.startsWith("+"))
    return /^(?:91[1-9]\d{9}|(?!91)[1-9]\d{7,14})$/u.test(digits) ? `+${digits}` : null;
  // An Aadhaar number is written in three groups of four.
  if (/^\d{4}[ -]\d{4}[ -]\d{4}$/u.test(text)) return null;
  const national = /^(?:0?([6-9]\d{9})|91([6-9]\d{9})|0([1-8]\d{9})|(1800\d{6,7}))$/u.exec(digits);
  const found = national?.slice(1).find((one) => one !== undefined);
  return found === undefined ? null : `+91${found}`;
}

/** The web links of a text. */
export function linksOf(text: string): readonly Linked[] {
  return linksIn(text, 0).flatMap(({ piece }) =>
    piece.kind === "link" && !piece.href.startsWith("mailto:") ? [piece] : [],
  );
}

/** Mentions, and the links outside them, in the order of the text. */
function wholesIn(text: string, mentions: readonly Mention[]): readonly Whole[] {
  const found: Whole[] = [];
  let at = 0;
  for (const mention of [...mentions].sort((a, b) => a.start - b.start)) {
    const { start, length } = mention;
    const end = start + length;
    if (start < at || length <= 0 || end > text.length) continue;
    const personId = "personId" in mention ? mention.personId : null;
    const piece = { kind: "mention", text: text.slice(start, end), personId } as const;
    found.push(...linksIn(text.slice(at, start), at), { start, end, piece });
    at = end;
  }
  return [...found, ...linksIn(text.slice(at), at)];
}

/** An order is quoted by its issuer alone; polls and questions are answered in their own chat. */
const FORWARDED: ReadonlySet<string> = new Set(["text", "attachments", "location"]);
/** Nobody deletes an order or the notice of an export, for oneself either. */
const LASTING: ReadonlySet<string> = new Set(["order", "order_change", "exported"]);

export function isForwarded({ seq, body }: MessageItem): boolean {
  return seq !== null && FORWARDED.has(body.kind);
}

/** Whether a person can delete it for oneself. */
export function isForMe({ seq, body }: MessageItem): boolean {
  return seq !== null && !LASTING.has(body.kind);
}

/** Whether this person can delete it for everybody, where this person can write. */
export function isForEverybody({ deletableUntilMs }: MessageItem, nowMs: number): boolean {
  return nowMs < (deletableUntilMs ?? 0);
}

/** The words that a person wrote; empty where the message has none. */
export function textOf(body: MessageBody): string {
  return "text" in body ? body.text : "";
}

/** The same to be copied or read aloud: of an order and of a change of one all words, in this language or the first. */
export function wordsIn(body: MessageBody, language: Language): string {
  if (body.kind !== "order" && body.kind !== "order_change") return textOf(body);
  const { title, text } = wordingIn<TitledText>(body, language);
  const reason = body.kind === "order_change" ? body.reason : "";
  return [title, text, reason].filter((one) => one !== "").join("\n");
}

export function piecesOf(text: string, mentions: readonly Mention[]): readonly Piece[] {
  const wholes = wholesIn(text, mentions);
  /** The text with a letter for each sign of a mention or link: marks there are none. */
  let masked = "";
  for (const { start, end } of wholes)
    masked += text.slice(masked.length, start) + "x".repeat(end - start);
  masked += text.slice(masked.length);

  function unstyled(from: number, to: number): Piece[] {
    const pieces: Piece[] = [];
    const plain = (end: number): void => {
      if (end > from) pieces.push({ kind: "plain", text: text.slice(from, end) });
    };
    for (const { start, end, piece } of wholes) {
      if (start < from || end > to) continue;
      plain(start);
      pieces.push(piece);
      from = end;
    }
    plain(to);
    return pieces;
  }
  function styled(from: number, to: number): Piece[] {
    const pieces: Piece[] = [];
    let at = from;
    const styles = /[*_]/u.test(masked) ? masked.slice(from, to).matchAll(STYLED) : [];
    for (const match of styles) {
      const [all, mark = ""] = match;
      const start = from + match.index;
      const end = start + all.length;
      const kind = mark === "*" ? "bold" : "italic";
      pieces.push(...unstyled(at, start), { kind, mark, pieces: styled(start + 1, end - 1) });
      at = end;
    }
    return [...pieces, ...unstyled(at, to)];
  }
  return styled(0, text.length);
}

/** A text that is longer, by characters or lines, folds to a beginning, which is shorter. */
const WHOLE = { characters: 900, lines: 18 };
const FOLDED = { characters: 600, lines: 12 };
const CLUSTERS = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** The words of a long text that are shown before "Read more"; null: the text is not long. */
export function beginningOf(text: string): string | null {
  const lines = text.trimEnd().split("\n");
  if (text.length <= WHOLE.characters && lines.length <= WHOLE.lines) return null;
  const few = lines.length > WHOLE.lines ? lines.slice(0, FOLDED.lines).join("\n") : text;
  if (few.length <= FOLDED.characters) return few;
  const cut = few.slice(0, FOLDED.characters);
  const word = cut.search(/\s\S*$/u);
  if (word > 0) return cut.slice(0, word);
  return [...CLUSTERS.segment(cut)]
    .slice(0, -1)
    .map(({ segment }) => segment)
    .join("");
}

const EMOJI = /^(?:\p{Extended_Pictographic}|\p{Regional_Indicator}{2})/u;

/** Up to three emoji and nothing else: shown large. */
export function onlyEmoji(text: string): boolean {
  if (text.length > 48 || !EMOJI.test(text)) return false;
  const found = [...CLUSTERS.segment(text)].map((one) => one.segment);
  return found.length <= 3 && found.every((one) => EMOJI.test(one));
}
