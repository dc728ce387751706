import type { Issuing, OrderDraft, OutgoingOrder } from "@copconnect/client/core";
import type { ConversationId } from "@copconnect/client/wire";
import { describe, expect, it } from "vitest";
import {
  adviceOf,
  emptyDraft,
  fromTemplate,
  localMoment,
  momentOf,
  othersIn,
  prioritiesOf,
  problemsOf,
  unwrittenIn,
  withList,
  withLanguage,
  withWords,
  withoutLanguage,
} from "./composing.ts";

const NOW = Date.UTC(2026, 10, 27, 6);
const HOUR = 3_600_000;
const ALL = ["routine", "urgent", "flash"] as const;
const PLACE = { admin: false, trainingFirst: false, issuing: { here: ALL, anywhere: ALL } };
const talk = "c".repeat(32) as ConversationId;

function draft(order: Partial<OutgoingOrder>, more: Partial<OrderDraft> = {}): OrderDraft {
  const empty = emptyDraft(talk, "en");
  return { ...empty, ...more, order: { ...empty.order, title: "Bandobast", ...order } };
}

describe("an order while it is written", () => {
  it("reaches nobody in a group of its issuer alone", () => {
    expect(othersIn({ kind: "group", members: 1 })).toBe(0);
    expect(othersIn({ kind: "group", members: 0 })).toBe(0);
    expect(othersIn({ kind: "unit", members: 20 })).toBe(19);
    expect(othersIn({ kind: "direct", members: 1 })).toBe(1);
  });

  it("needs somebody to go to, a title, whole choices, and an admin for flash", () => {
    expect(problemsOf(draft({}), PLACE, NOW)).toEqual([]);
    expect(problemsOf(emptyDraft(null, "en"), PLACE, NOW)).toEqual(["noAudience", "noTitle"]);
    expect(problemsOf(draft({ choices: ["Yes", " "] }), PLACE, NOW)).toEqual(["emptyChoice"]);
    expect(problemsOf(draft({ choices: ["Yes"] }), PLACE, NOW)).toEqual(["oneChoice"]);
    expect(problemsOf(draft({ priority: "flash" }), PLACE, NOW)).toEqual(["flashAdmin"]);
    expect(problemsOf(draft({ priority: "flash" }), { ...PLACE, admin: true }, NOW)).toEqual([]);
  });

  it("goes where its issuer's post has the right, with the priorities that it has", () => {
    const problems = (
      priority: OutgoingOrder["priority"],
      issuing: Issuing | null,
      more: Partial<typeof PLACE> = {},
    ) => problemsOf(draft({ priority }), { ...PLACE, ...more, issuing }, NOW);
    expect(problems("routine", { here: [], anywhere: [] })).toEqual(["noRight"]);
    expect(problems("routine", { here: [], anywhere: ["routine"] })).toEqual(["outside"]);
    const some: Issuing = { here: ["routine"], anywhere: ALL };
    expect(problems("routine", some)).toEqual([]);
    expect(problems("urgent", some)).toEqual(["priorityRight"]);
    // Nobody can say without a network: the server will.
    expect(problems("urgent", { here: null, anywhere: ALL })).toEqual([]);
    expect(problems("urgent", null)).toEqual([]);
    const large = { trainingFirst: true, admin: true };
    expect(problems("routine", PLACE.issuing, large)).toEqual(["trainingFirst"]);
    expect(problems("flash", PLACE.issuing, large)).toEqual([]);
    expect(prioritiesOf({ ...PLACE, ...large }, ALL)).toEqual(["flash"]);
    expect(prioritiesOf({ ...PLACE, issuing: some }, ALL)).toEqual(["routine"]);
    expect(prioritiesOf(PLACE, ALL)).toEqual(["routine", "urgent"]);
    expect(prioritiesOf(null, ["routine"])).toEqual(["routine"]);
  });

  it("says which validity does not go with time, reminders and escalation", () => {
    const until = (
      hours: number,
      more: Partial<OutgoingOrder> = {},
      sendAt: number | null = null,
    ) =>
      problemsOf(
        draft({ validUntilMs: NOW + hours * HOUR, ...more }, { sendAtMs: sendAt }),
        PLACE,
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

  it("is written in several languages, each with a title and every choice", () => {
    const { order } = draft({ choices: ["Yes", "No"] });
    const two = withLanguage(order, "te");
    expect(problemsOf({ ...draft({}), order: two }, PLACE, NOW)).toEqual([
      ...(["noTitle", "emptyChoice"] as const),
    ]);
    expect(unwrittenIn(two)).toBe("te");
    const titled = withWords(two, "te", { title: "బందోబస్తు" });
    const done = withWords(titled, "te", { choices: ["సరే", "కుదరదు"] });
    expect(unwrittenIn(done)).toBeNull();
    expect(done).toMatchObject({ language: "en", title: "Bandobast", choices: ["Yes", "No"] });
    const listed = withList(done, "items", () => ["Lock-up"]);
    expect(
      problemsOf({ ...draft({}), order: withList(listed, "items", () => [""]) }, PLACE, NOW),
    ).toEqual(["emptyItem"]);
    expect(withLanguage(listed, "hi").translations[1]?.items).toEqual([""]);
    const longer = withList(done, "choices", (all) => [...all, "?"]);
    expect(longer.translations[0]?.choices).toEqual(["సరే", "కుదరదు", "?"]);
    expect(withoutLanguage(done, "en")).toMatchObject({
      ...{ language: "te", title: "బందోబస్తు", choices: ["సరే", "కుదరదు"], translations: [] },
    });
    const long = withWords(done, "te", { text: "x".repeat(10_000) });
    const both = withWords(long, "en", { text: "x".repeat(10_000) });
    expect(problemsOf({ ...draft({}), order: both }, PLACE, NOW)).toEqual(["textsTooLong"]);
  });

  it("has the language of its letters while it has one", () => {
    const { order } = draft({});
    expect(withWords(order, "en", { title: "బందోబస్తు" }).language).toBe("te");
    expect(withWords(order, "en", { title: "06:00" }).language).toBe("en");
    const two = withLanguage(order, "ur");
    expect(withWords(two, "en", { title: "బందోబస్తు" }).language).toBe("en");
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
