/**
 * Numbers, times and names as the reader writes them: Indian grouping, 1,00,000; times relative
 * within a day; dates in the locale. Digits stay European in every language, as on uniforms,
 * vehicles and phones. Formatters are kept, because making one is slow on a cheap phone.
 */
import type { Language, Names } from "@copconnect/client/wire";
import { formatNumber, language, t } from "./index.svelte.ts";

const LOCALES: Readonly<Record<Language, string>> = {
  en: "en-IN-u-nu-latn",
  te: "te-IN-u-nu-latn",
  ur: "ur-IN-u-nu-latn",
  hi: "hi-IN-u-nu-latn",
};

const DAY_MS = 86_400_000;
const made = new Map<string, unknown>();

function keep<T>(name: string, make: (locale: string) => T): T {
  const key = `${language.current}:${name}`;
  const known = made.get(key) as T | undefined;
  if (known !== undefined) return known;
  const fresh = make(LOCALES[language.current]);
  made.set(key, fresh);
  return fresh;
}

export { formatNumber };

/** Bytes for people: "820 KB", "1.4 MB". */
export function formatBytes(bytes: number): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"] as const;
  let value = bytes;
  let index = 0;
  while (value >= 1000 && index < units.length - 1) {
    value /= 1000;
    index += 1;
  }
  const unit = units[index] ?? "byte";
  const digits = index >= 2 && value < 10 ? 1 : 0;
  return keep(
    `bytes:${unit}:${digits}`,
    (locale) =>
      new Intl.NumberFormat(locale, {
        style: "unit",
        unit,
        unitDisplay: index === 0 ? "long" : "short",
        maximumFractionDigits: digits,
      }),
  ).format(value);
}

/** "0:07", "12:40", "1:02:03". */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const pad = (value: number): string => String(value).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  return minutes >= 60
    ? `${Math.floor(minutes / 60)}:${pad(minutes % 60)}:${pad(seconds % 60)}`
    : `${minutes}:${pad(seconds % 60)}`;
}

/** A span of time in its largest unit, rounded up: "40 seconds", "12 minutes", "5 hours". */
export function formatSpan(ms: number): string {
  const spans = [
    ["day", DAY_MS],
    ["hour", 3_600_000],
    ["minute", 60_000],
    ["second", 1000],
  ] as const;
  const [unit, size] = spans.find(([, one]) => ms >= one) ?? (["second", 1000] as const);
  return keep(
    `span:${unit}`,
    (locale) => new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "long" }),
  ).format(Math.max(1, Math.ceil(ms / size)));
}

/** The clock time. */
export function formatTime(ms: number): string {
  return keep(
    "time",
    (locale) => new Intl.DateTimeFormat(locale, { hour: "numeric", minute: "2-digit" }),
  ).format(ms);
}

/** The short name of a day of the week; 0 is Sunday. */
export function weekdayName(day: number): string {
  const sunday = Date.UTC(2023, 0, 1);
  return keep(
    "weekday",
    (locale) => new Intl.DateTimeFormat(locale, { weekday: "short", timeZone: "UTC" }),
  ).format(sunday + day * DAY_MS);
}

/** The whole date with the time, for details. */
export function formatMoment(ms: number): string {
  return keep(
    "moment",
    (locale) => new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" }),
  ).format(ms);
}

/** The same in a language that is not on screen. */
export function momentIn(language: Language, ms: number): string {
  const style = { dateStyle: "medium", timeStyle: "medium", timeZone: "Asia/Kolkata" } as const;
  return new Intl.DateTimeFormat(LOCALES[language], style).format(ms);
}

export function formatDate(ms: number): string {
  return keep("date", (locale) => new Intl.DateTimeFormat(locale, { dateStyle: "medium" })).format(
    ms,
  );
}

/** "November 2026". */
export function formatMonth(ms: number): string {
  return keep(
    "month",
    (locale) => new Intl.DateTimeFormat(locale, { month: "long", year: "numeric" }),
  ).format(ms);
}

function startOfDay(ms: number): number {
  const day = new Date(ms);
  day.setHours(0, 0, 0, 0);
  return day.getTime();
}

/** How many calendar days ago, by this device's time zone. */
export function daysAgo(ms: number, nowMs: number): number {
  return Math.round((startOfDay(nowMs) - startOfDay(ms)) / DAY_MS);
}

function isSameYear(ms: number, nowMs: number): boolean {
  return new Date(ms).getFullYear() === new Date(nowMs).getFullYear();
}

function relativeDay(days: number): string {
  const format = keep(
    "relative-day",
    (locale) => new Intl.RelativeTimeFormat(locale, { numeric: "auto" }),
  );
  return format.format(-days, "day");
}

/** For list rows: "now", "5 min ago", "3 hr ago", then "Yesterday", a weekday, a date. */
export function formatRecent(ms: number, nowMs: number): string {
  const age = nowMs - ms;
  if (age < 60_000) return t("app.now");
  const format = keep(
    "relative-short",
    (locale) => new Intl.RelativeTimeFormat(locale, { style: "narrow" }),
  );
  if (age < 3_600_000) return format.format(-Math.floor(age / 60_000), "minute");
  if (age < DAY_MS && daysAgo(ms, nowMs) === 0) {
    return format.format(-Math.floor(age / 3_600_000), "hour");
  }
  const days = daysAgo(ms, nowMs);
  if (days <= 1) return formatDay(ms, nowMs);
  if (days < 7) {
    return keep(
      "weekday",
      (locale) => new Intl.DateTimeFormat(locale, { weekday: "short" }),
    ).format(ms);
  }
  const thisYear = isSameYear(ms, nowMs);
  return keep(
    `short-date:${String(thisYear)}`,
    (locale) =>
      new Intl.DateTimeFormat(locale, {
        day: "numeric",
        month: "short",
        ...(thisYear ? {} : { year: "numeric" }),
      }),
  ).format(ms);
}

/** For day dividers: "Today", "Yesterday", "Tuesday, 18 November", with the year when not this. */
export function formatDay(ms: number, nowMs: number): string {
  const day = dayWithin(ms, nowMs);
  return day.charAt(0).toLocaleUpperCase(LOCALES[language.current]) + day.slice(1);
}

/** The same within a sentence: "today", "Thursday, 4 December". */
export function dayWithin(ms: number, nowMs: number): string {
  const days = daysAgo(ms, nowMs);
  if (days <= 1 && days >= 0) return relativeDay(days);
  const thisYear = isSameYear(ms, nowMs);
  return keep(
    `day:${String(thisYear)}`,
    (locale) =>
      new Intl.DateTimeFormat(locale, {
        weekday: "long",
        day: "numeric",
        month: "long",
        ...(thisYear ? {} : { year: "numeric" }),
      }),
  ).format(ms);
}

/** "A, B and C" in the reader's language. */
export function formatList(items: readonly string[]): string {
  return keep("list", (locale) => new Intl.ListFormat(locale, { type: "conjunction" })).format(
    items,
  );
}

/** A name in the reader's language where the data bank has it, in English otherwise. */
export function nameOf(names: Names): string {
  return names[language.current] || names.en;
}

/** Ten Indian digits as people read them: "98480 12345". */
export function formatPhone(number: string): string {
  const local = number.replace(/^\+91/, "");
  return /^\d{10}$/.test(local) ? `${local.slice(0, 5)} ${local.slice(5)}` : number;
}

/** A number or code inside a sentence of any direction: marked so that its parts stay in order. */
export function leftToRight(text: string): string {
  return `${String.fromCodePoint(0x2066)}${text}${String.fromCodePoint(0x2069)}`;
}

/** Order names as the reader's alphabet does. */
export function compareNames(a: string, b: string): number {
  return keep("collator", (locale) => new Intl.Collator(locale)).compare(a, b);
}
