import type { OrderDraft } from "@copconnect/client/core";
import type { ConversationId } from "@copconnect/client/wire";
import { describe, expect, it } from "vitest";
import {
  adviceOf,
  emptyDraft,
  fromTemplate,
  localMoment,
  momentOf,
  problemsOf,
} from "./composing.ts";
import type { OutgoingOrder } from "./composing.ts";

const NOW = Date.UTC(2026, 10, 27, 6);
const HOUR = 3_600_000;
const talk = "c".repeat(32) as ConversationId;

function draft(order: Partial<OutgoingOrder>, more: Partial<OrderDraft> = {}): OrderDraft {
  const empty = emptyDraft(talk);
  return { ...empty, ...more, order: { ...empty.order, title: "Bandobast", ...order } };
}

describe("an order while it is written", () => {
  it("needs somebody to go to, a title, whole choices, and an admin for flash", () => {
    expect(problemsOf(draft({}), false, NOW)).toEqual([]);
    expect(problemsOf(emptyDraft(null), false, NOW)).toEqual(["noAudience", "noTitle"]);
    expect(problemsOf(draft({ choices: ["Yes", " "] }), false, NOW)).toEqual(["emptyChoice"]);
    expect(problemsOf(draft({ choices: ["Yes"] }), false, NOW)).toEqual(["oneChoice"]);
    expect(problemsOf(draft({ priority: "flash" }), false, NOW)).toEqual(["flashAdmin"]);
    expect(problemsOf(draft({ priority: "flash" }), true, NOW)).toEqual([]);
  });

  it("says which validity does not go with time, reminders and escalation", () => {
    const until = (
      hours: number,
      more: Partial<OutgoingOrder> = {},
      sendAt: number | null = null,
    ) =>
      problemsOf(
        draft({ validUntilMs: NOW + hours * HOUR, ...more }, { sendAtMs: sendAt }),
        false,
        NOW,
      );
    expect(until(-1)).toEqual(["over"]);
    expect(until(24 * 400)).toEqual(["tooLong"]);
    expect(until(2, { remindMinutes: [60, 120] })).toEqual(["remindsLate"]);
    expect(until(2, { remindMinutes: [60] })).toEqual([]);
    expect(until(1, { escalateMinutes: 60 })).toEqual(["remindsLate"]);
    expect(until(2, {}, NOW + 3 * HOUR)).toEqual(["sendsLate"]);
    // Minutes count from when it is sent.
    expect(until(4, { remindMinutes: [120] }, NOW + 3 * HOUR)).toEqual(["remindsLate"]);
  });

  it("advises on a validity that outlasts its reminders", () => {
    const order = { validUntilMs: NOW + 8 * HOUR, remindMinutes: [30, 60] };
    expect(adviceOf(draft(order), NOW)).toEqual(["outlastsReminders"]);
    expect(adviceOf(draft({ ...order, remindMinutes: [30, 240] }), NOW)).toEqual([]);
    expect(adviceOf(draft({ priority: "urgent" }), NOW)).toEqual(["noReminders"]);
    const early = { remindMinutes: [60], escalateMinutes: 30 };
    expect(adviceOf(draft(early), NOW)).toEqual(["escalatesBeforeReminder"]);
  });

  it("is made of a template with a validity as long as the template's", () => {
    const template = draft({ validUntilMs: NOW + 2 * HOUR }, { savedMs: NOW, template: "Nightly" });
    const made = fromTemplate(template, NOW + 24 * HOUR);
    expect(made.order.validUntilMs).toBe(NOW + 26 * HOUR);
    expect(made.template).toBeNull();
    expect(made.draftId).not.toBe(template.draftId);
  });

  it("shows times of this device's zone in its fields", () => {
    expect(momentOf(localMoment(NOW))).toBe(NOW);
    expect(localMoment(null)).toBe("");
    expect(momentOf("")).toBeNull();
  });
});
