/**
 * Types of the text keys, derived from the English files: a misspelt key does not compile.
 * Plural forms (`…_one`, `…_other`) are one key, asked for with `count`.
 */
import type { en } from "./locales/en.ts";
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

/** The texts that every language must hold: the same files with the same keys. */
export type Texts = typeof en;

/** Texts that few people read: they are fetched with the first screen that needs them. */
export interface LaterTexts {
  readonly oversee: typeof oversee;
  readonly reports: typeof reports;
  readonly training: typeof training;
}

export type TextKey = Flat<Texts> | Flat<LaterTexts>;
