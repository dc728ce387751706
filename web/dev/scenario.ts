/** The scripted core as the address asks for it: `?phase=register&chats=empty&connection=offline`,
 * `?device=no&compare=digits`, `?alarm=log_lost&notice=card`, `?presence=set_pin`,
 * `?phase=register&texts=tries`. */
import type {
  AlarmView,
  AppState,
  ConfirmationView,
  ConversationAlarm,
  PresenceWay,
} from "@copconnect/client/core";
import type { Confirmed } from "@copconnect/client/wire";

export interface Scenario {
  readonly phase: AppState["phase"];
  readonly reason: string | null;
  readonly connection: AppState["connection"];
  /** The list of conversations. */
  readonly chats: "some" | "empty" | "error" | "loading" | "many";
  /** Messages in the busiest conversation. */
  readonly messages: number;
  /** The outcome of fetching a page of messages. */
  readonly pages: "some" | "error" | "loading";
  /** The outcome of what the console reads; other values are the number of its rows (console.ts). */
  readonly rows: "some" | "error" | "loading";
  /** Texts with an OTP: sent; used up, so that an enrolment code registers; used up, and so are the
   * tries of enrolment codes; used up when asked, and possible again when a code is entered. */
  readonly texts: "sent" | "used_up" | "tries" | "possible";
  /** The proof that an act of weight asks for. */
  readonly presence: "none" | PresenceWay;
  /** The step after the OTP. */
  readonly factor: "none" | "enrolment_code" | "refused";
  /** How this device came to be confirmed. */
  readonly device: Confirmed;
  /** The state of a comparison of digits that this device takes part in. */
  readonly compare: "none" | ConfirmationView["state"];
  /** Signed out, and nothing erased. */
  readonly kept: boolean;
  /** A new device fills up. */
  readonly filling: boolean;
  /** Colleagues write unasked. */
  readonly lively: boolean;
  /** People who owe an acknowledgement of the order. */
  readonly ordered: number;
  /** Lessons that this person has done. */
  readonly lessons: number;
  /** The sanction in force against this person. */
  readonly sanction: "none" | "warning" | "muted" | "suspended" | "appealed";
  readonly lock: boolean;
  readonly passphrase: boolean;
  readonly update: boolean;
  readonly skewMs: number;
  /** The department's time is not what the device expects. */
  readonly timeWait: boolean;
  /** The security check that failed in one direct chat. */
  readonly alarm: ConversationAlarm;
  /** The change made in this person's name that is above every section. */
  readonly notice: "none" | AlarmView["kind"];
}

const ALARMS: readonly ConversationAlarm[] = [
  ...(["log_differs", "forked", "not_direct", "third_person", "log_lost"] as const),
];

function oneOf<T extends string>(value: string | null, known: readonly T[], fallback: T): T {
  return known.find((one) => one === value) ?? fallback;
}

export function scenarioFrom(query: URLSearchParams): Scenario {
  return {
    phase: oneOf(
      query.get("phase"),
      ["register", "conduct", "locked", "ready", "signed_out", "storage_failed"],
      "ready",
    ),
    reason: query.get("reason"),
    connection: oneOf(query.get("connection"), ["online", "connecting", "offline"], "online"),
    chats: oneOf(query.get("chats"), ["some", "empty", "error", "loading", "many"], "some"),
    messages: Number(query.get("messages") ?? "400"),
    pages: oneOf(query.get("pages"), ["some", "error", "loading"], "some"),
    rows: oneOf(query.get("rows"), ["some", "error", "loading"], "some"),
    texts: oneOf(query.get("texts"), ["sent", "used_up", "tries", "possible"], "sent"),
    presence: oneOf(
      query.get("presence"),
      ["none", "authenticator", "pin", "set_pin", "lost"],
      "none",
    ),
    factor: oneOf(query.get("factor"), ["none", "enrolment_code", "refused"], "none"),
    device: oneOf(
      query.get("device"),
      ["root_admin", "own_device", "admin", "first", "no"],
      "root_admin",
    ),
    compare: oneOf(
      query.get("compare"),
      ["none", "asked", "begun", "digits", "confirmed", "refused", "over"],
      "none",
    ),
    kept: query.has("kept"),
    filling: query.has("filling"),
    lively: query.has("lively"),
    ordered: Number(query.get("ordered") ?? "63000"),
    lessons: Number(query.get("lessons") ?? "99"),
    sanction: oneOf(
      query.get("sanction"),
      ["none", "warning", "muted", "suspended", "appealed"],
      "none",
    ),
    lock: query.has("lock"),
    update: query.has("update"),
    skewMs: Number(query.get("skew") ?? "0"),
    passphrase: query.has("passphrase"),
    timeWait: query.has("timeWait"),
    alarm: oneOf(query.get("alarm"), ALARMS, "log_differs"),
    notice: oneOf(
      query.get("notice"),
      ["none", "device", "key", "log", "card", "refusedCard"],
      "none",
    ),
  };
}
