/**
 * Types of the text keys, derived from the English files: a misspelt key does not compile.
 * Plural forms (`…_one`, `…_other`) are one key, asked for with `count`.
 */
import type { enRest } from "./locales/en-rest.ts";
import type { en } from "./locales/en.ts";
import type exports from "./locales/en/exports.json";
import type oversee from "./locales/en/oversee.json";
import type reports from "./locales/en/reports.json";
import type training from "./locales/en/training.json";

type WithoutPlural<K extends string> = K extends `${infer Base}_one` | `${infer Base}_other`
  ? Base
  : K;

type Flat<T, Prefix extends string = ""> = {
  [K in keyof T & string]: T[K] extends string
    ? `${Prefix}${WithoutPlural<K>}`
    : Flat<T[K], `${Prefix}${K}.`>;
}[keyof T & string];

/** The texts of the first screen; every language must hold them. */
export type FirstTexts = typeof en;

/** Texts that are fetched later: the rest with any other screen, the others with the one they name. */
export interface LaterTexts {
  readonly rest: typeof enRest;
  readonly exports: { readonly exports: typeof exports };
  readonly oversee: { readonly oversee: typeof oversee };
  readonly reports: { readonly reports: typeof reports };
  readonly training: { readonly training: typeof training };
}

type LaterKey = { [P in keyof LaterTexts]: Flat<LaterTexts[P]> }[keyof LaterTexts];

export type TextKey = Flat<FirstTexts> | LaterKey;
