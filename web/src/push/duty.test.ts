import { describe, expect, it } from "vitest";
import {
  isOnDuty,
  isSilent,
  minuteOf,
  nextAt,
  readDuty,
  textOf,
  USUAL,
  type Duty,
} from "./duty.ts";

/** A day of the week from Monday, 23 November 2026. */
const at = (day: number, time: string): Date => new Date(`2026-11-${23 + day}T${time}:00`);
const days: Duty = { days: [1, 2], from: 9 * 60, to: 18 * 60, untilMs: null };
const nights: Duty = { days: [1], from: 22 * 60, to: 6 * 60, untilMs: null };

describe("duty", () => {
  it("has days and hours", () => {
    const times = ["08:59", "09:00", "17:59", "18:00"].map((time) => isOnDuty(days, at(0, time)));
    expect(times).toEqual([false, true, true, false]);
    expect(isOnDuty(days, at(2, "12:00"))).toBe(false);
  });

  it("of a night belongs to the day on which it begins", () => {
    expect(isOnDuty(nights, at(0, "23:00"))).toBe(true);
    expect(isOnDuty(nights, at(1, "05:59"))).toBe(true);
    expect(isOnDuty(nights, at(1, "06:00"))).toBe(false);
    expect(isOnDuty(nights, at(0, "05:00"))).toBe(false); // After a Sunday's night.
    expect(isOnDuty(nights, at(1, "23:00"))).toBe(false);
    expect(isOnDuty({ ...nights, days: [0] }, at(0, "05:00"))).toBe(true);
  });

  it("may be a whole day, no day, and longer than planned", () => {
    expect(isOnDuty({ ...days, to: days.from }, at(0, "23:59"))).toBe(true);
    expect(isOnDuty({ ...days, to: days.from }, at(2, "08:59"))).toBe(true);
    expect(isOnDuty({ ...days, days: [] }, at(0, "12:00"))).toBe(false);
    const longer = { ...days, untilMs: at(0, "20:00").getTime() };
    expect(isOnDuty(longer, at(0, "19:59"))).toBe(true);
    expect(isOnDuty(longer, at(0, "20:00"))).toBe(false);
  });

  it("decides what sounds, but for calls", () => {
    expect(isSilent(null, at(0, "03:00"), false)).toBe(false);
    expect(isSilent(days, at(0, "12:00"), false)).toBe(false);
    expect(isSilent(days, at(0, "03:00"), false)).toBe(true);
    expect(isSilent(days, at(0, "03:00"), true)).toBe(false);
  });
});

describe("times of day", () => {
  it("come next today or tomorrow", () => {
    expect(nextAt(20 * 60, at(0, "19:00"))).toBe(at(0, "20:00").getTime());
    expect(nextAt(20 * 60, at(0, "20:00"))).toBe(at(1, "20:00").getTime());
  });

  it("are written as fields have them", () => {
    expect([textOf(0), textOf(21 * 60 + 5)]).toEqual(["00:00", "21:05"]);
    expect([minuteOf("21:05"), minuteOf(""), minuteOf("9")]).toEqual([1265, null, null]);
  });
});

describe("duty as it was stored", () => {
  it("is read, or is none", () => {
    expect(readDuty(JSON.stringify(days))).toEqual(days);
    for (const text of [
      null,
      "",
      "{",
      "null",
      '{"from":1320,"to":360}',
      '{"days":[],"from":-1,"to":2}',
    ]) {
      expect(readDuty(text)).toBeNull();
    }
    expect(USUAL.days).not.toContain(0);
  });
});
