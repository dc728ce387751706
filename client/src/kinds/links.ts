/**
 * Web links in a text, and what a message says about the page of the first one. The words about the page are
 * the sender's: a receiver names the host by the link in the text, and fetches nothing. Pure.
 */
import { LINK_DESCRIPTION, LINK_PICTURE_BYTES, LINK_TITLE } from "../limits.ts";
import { Misshapen, bytes, isFields, line, nullable } from "./fields.ts";

/** The page of a text's first link, as the sender's device read it. */
export interface LinkedPage {
  readonly title: string;
  /** Empty: the page does not say. */
  readonly description: string;
  /** A small JPEG or WebP; null: none. */
  readonly picture: Uint8Array | null;
}

interface Linking {
  readonly text: string;
  readonly page?: LinkedPage | undefined;
}

export interface WebLink {
  readonly text: string;
  readonly url: URL;
}

/** A piece of text that looks like the address of a web page. */
export const WEB = /(?:https?:\/\/|(?<![\p{L}\p{M}\p{N}.@-])www\.)[^\s<>"'`]+/u;
/** Punctuation that ends a sentence rather than an address, and marks of the direction of writing. */
const TRAILING = /[.,;:!?)\]}।۔*_\p{Cf}]+$/u;

/** The link that {@link WEB} found; null: no address, or one that can read as another, by a name before an `@` or by hidden characters. */
export function webLink(found: string): WebLink | null {
  const text = found.replace(TRAILING, "");
  const url = URL.parse(/^www\./iu.test(text) ? `https://${text}` : text);
  if (url === null || /\p{Cf}/u.test(text)) return null;
  return url.username === "" && url.password === "" ? { text, url } : null;
}

/** The first link of a text that a preview can be about. */
export function firstPage(text: string): URL | null {
  for (const [found] of text.matchAll(new RegExp(WEB, "giu"))) {
    const url = webLink(found)?.url;
    if (url?.protocol === "https:") return url;
  }
  return null;
}

/** The page that a message shows: none without a link in its text. */
export function shownPage({ text, page }: Linking): { readonly page?: LinkedPage } {
  return page === undefined || firstPage(text) === null ? {} : { page };
}

/** The page after an edit: that of the same first link. */
export function pageAfter({ text, page }: Linking, edited: string): { readonly page?: LinkedPage } {
  const same = firstPage(edited)?.href === firstPage(text)?.href;
  return same ? shownPage({ text, page }) : {};
}

/** The page with as much of it as a message takes. */
export function bounded({ title, description, picture }: LinkedPage): LinkedPage {
  return {
    title: title.slice(0, LINK_TITLE),
    description: description.slice(0, LINK_DESCRIPTION),
    picture: picture !== null && picture.length <= LINK_PICTURE_BYTES ? picture : null,
  };
}

export function readPage(value: unknown): { readonly page?: LinkedPage } {
  const page = nullable(value, (given) => {
    if (!isFields(given)) throw new Misshapen();
    return {
      title: line(given["title"], LINK_TITLE),
      description: line(given["description"], LINK_DESCRIPTION),
      picture: nullable(given["picture"], (v) => bytes(v, LINK_PICTURE_BYTES)),
    };
  });
  return page === null ? {} : { page };
}
