import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import {
  daysAgo,
  formatBytes,
  formatDay,
  formatDuration,
  formatNumber,
  formatPhone,
  formatRecent,
  formatSpan,
  nameOf,
} from "./format.ts";
import { language, LANGUAGES, speak, t } from "./index.svelte.ts";

const root = { lang: "", dir: "" };

beforeAll(() => {
  vi.stubGlobal("document", { documentElement: root });
});
afterAll(() => {
  vi.unstubAllGlobals();
});

const NOON = new Date(2026, 10, 20, 12).getTime();
const MINUTE = 60_000;

describe("every language", () => {
  it.each(LANGUAGES)("%s groups numbers as in India, in European digits", async (one) => {
    await speak(one);
    expect(formatNumber(63_000)).toBe("63,000");
    expect(formatNumber(100_000)).toBe("1,00,000");
    expect(formatNumber(12_345_678)).toBe("1,23,45,678");
  });

  it.each(LANGUAGES)("%s says how many in the right form", async (one) => {
    await speak(one);
    const texts = [1, 2].map((count) => t("app.status.waiting", { count }));
    expect(texts[0]).toContain("1");
    expect(texts[0]).not.toBe(texts[1]?.replace("2", "1"));
  });
});

it("reads Urdu from right to left and the others from left to right", async () => {
  for (const one of LANGUAGES) {
    await speak(one);
    expect(language.direction).toBe(one === "ur" ? "rtl" : "ltr");
    expect(root).toEqual({ lang: one, dir: language.direction });
  }
});

it("shows names in the reader's language where there are any", async () => {
  await speak("te");
  const ravi = { en: "Ravi", te: "రవి", ur: "روی", hi: "" };
  expect(nameOf(ravi)).toBe("రవి");
  await speak("ur");
  expect(nameOf(ravi)).toBe("روی");
  await speak("hi");
  expect(nameOf(ravi)).toBe("Ravi");
  await speak("en");
  expect(nameOf(ravi)).toBe("Ravi");
});

describe("English", () => {
  beforeAll(() => speak("en"));

  it("is relative within a day", () => {
    expect(formatRecent(NOON - 10_000, NOON)).toBe("now");
    expect(formatRecent(NOON - 5 * MINUTE, NOON)).toMatch(/^5\s?min/u);
    expect(formatRecent(NOON - 180 * MINUTE, NOON)).toMatch(/^3\s?h/u);
    expect(formatRecent(NOON - 13 * 60 * MINUTE, NOON)).toBe("Yesterday");
    expect(formatRecent(NOON - 3 * 24 * 60 * MINUTE, NOON)).toBe("Tue");
    expect(formatRecent(NOON - 30 * 24 * 60 * MINUTE, NOON)).toBe("21 Oct");
    expect(formatRecent(NOON - 365 * 24 * 60 * MINUTE, NOON)).toMatch(/^20 Nov 20\d\d$/u);
  });

  it("counts calendar days, not 24 hours", () => {
    expect(daysAgo(NOON - 13 * 60 * MINUTE, NOON)).toBe(1);
    expect(daysAgo(NOON - 11 * 60 * MINUTE, NOON)).toBe(0);
    expect(formatDay(NOON, NOON)).toBe("Today");
    expect(formatDay(NOON - 3 * 24 * 60 * MINUTE, NOON)).toMatch(/Tuesday.*17 November$/u);
  });

  it("writes sizes, lengths and numbers of phones", () => {
    expect(formatBytes(820_000)).toBe("820 kB");
    expect(formatBytes(1_440_000)).toBe("1.4 MB");
    expect(formatBytes(24_000_000)).toBe("24 MB");
    expect(formatDuration(7_400)).toBe("0:07");
    expect(formatDuration(3_723_000)).toBe("1:02:03");
    expect(formatPhone("+919848012345")).toBe("98480 12345");
    expect(formatPhone("100")).toBe("100");
  });
});

it("says a span in its largest unit, rounded up", async () => {
  await speak("en");
  const spans = [0, 40_000, 61_000, 3 * 3_600_000, 26 * 3_600_000];
  expect(spans.map(formatSpan)).toEqual([
    "1 second",
    "40 seconds",
    "2 minutes",
    "3 hours",
    "2 days",
  ]);
});
