/** The scripted core's console: `?rows=10000|empty`, `?rights=none`, `?log=broken`. */
import {
  type AuditItem,
  type Core,
  type PlainAct,
  type WaitingView,
} from "@copconnect/client/core";
import type {
  ActAnswer,
  ActId,
  AdminDevice,
  AdminPerson,
  ClientInfo,
  HeldRight,
  Person,
  PolicyChange,
  Right,
  RightRule,
} from "@copconnect/client/wire";
import { ScriptedConduct } from "./conduct.ts";
import { sampleCharts } from "./charts.ts";
import { id } from "#practice/items.ts";
import { ME, PEOPLE, UNITS, deviceId, pathOf, plate } from "../organisation.ts";
import { PAST_STEPS, previewOf, unitCounts } from "./reorganising.ts";

type Admin = Core["admin"];

const DAY_MS = 86_400_000;
const PUSHES: readonly AdminDevice["push"][] = [
  { state: "works", successMs: Date.now() - 3 * 3_600_000 },
  { state: "unreached", successMs: Date.now() - 4 * DAY_MS },
  { state: "new", successMs: null },
  null,
];
const RIGHTS: readonly Right[] = [
  "see_numbers",
  "manage_people",
  "manage_units",
  "import_people",
  "manage_groups",
  "enrol",
  "confirm_devices",
  "revoke_devices",
  "lock_devices",
  "give_grants",
  "read_audit",
  "send_large",
  "train",
  "edit_conduct",
  "hold_messages",
  "moderate",
];

function clientOf(number: number): ClientInfo {
  return {
    ...{ clientId: id(9, 1000 + number), device: deviceId(1000 + number), revoked: false },
    lockedMs: null,
    label: number % 3 === 0 ? "Chrome, Windows" : "Chrome, Android",
    createdMs: Date.now() - (number % 90) * DAY_MS,
    lastSeenMs: number % 11 === 0 ? Date.now() - 9 * DAY_MS : Date.now() - number * 61_000,
    certificateExpiresMs: Date.now() + 60 * DAY_MS,
    confirmed: number % 7 === 3 ? "no" : "admin",
  };
}

const POLICY_CHANGES: PolicyChange[] = [
  { code: "all", title: "{unit}", kind: "ended" as const, groups: 718, people: 61_204 },
  { code: "ci", title: "CIs, {unit}", kind: "made" as const, groups: 33, people: 1_212 },
].map((one) => ({ ...one, title: { en: one.title, te: "", ur: "", hi: "" } }));

export class ScriptedConsole extends ScriptedConduct implements Admin {
  /** The number of rows of each list; null: as many as there are. */
  readonly #rows: number | null;
  readonly #console: boolean;
  readonly #broken: boolean;
  readonly #people: readonly AdminPerson[];
  readonly #suspended = new Set<string>();
  readonly #log: AuditItem[];
  #waiting: WaitingView[];

  constructor(query: URLSearchParams) {
    super();
    const rows = query.get("rows") ?? "some";
    this.#rows = rows === "empty" ? 0 : /^\d+$/u.test(rows) ? Number(rows) : null;
    this.#console = query.get("rights") !== "none";
    this.#broken = query.get("log") === "broken";
    const many = this.#rows ?? PEOPLE.length;
    this.#people = Array.from({ length: many }, (_, index): AdminPerson => {
      const person = PEOPLE[index % PEOPLE.length] as Person;
      return {
        person: index < PEOPLE.length ? person : { ...person, personId: id(5, index) },
        clients: index % 4 === 1 ? [] : [clientOf(index)],
        grants: index % 13 === 5 ? [pathOf(person.unitId)] : [],
      };
    });
    const [first = ME, second = ME] = PEOPLE.filter(({ rank }) => rank === "CI" || rank === "SI");
    const waiting: WaitingView = {
      ...{ actId: id(12, 1), hash: "ab".repeat(32), genuine: true, own: false },
      act: {
        act: "give_grant",
        personId: first.personId,
        path: pathOf(UNITS[1]?.unitId ?? ""),
        grant: "",
      },
      ...{ approvers: [first, ME], approverCount: 2 },
      ...{ by: second, people: 21_340, paths: [pathOf(UNITS[1]?.unitId ?? "")] },
      ...{ madeMs: Date.now() - 3_600_000, expiresMs: Date.now() + 6 * DAY_MS },
      preview: {
        ...{
          effect: "0".repeat(64),
          people: 21_000,
          sample: [second],
          paths: [pathOf(UNITS[1]?.unitId ?? "")],
        },
        ...{ needsSecond: true, rights: [], policy: [], conversations: 0 },
        ...{ approvers: [first, ME], approverCount: 2 },
      },
    };
    // An act that can be approved, and one whose page must be opened first.
    const conduct: WaitingView["act"] = {
      ...{ act: "publish_conduct", after: 0, asksAgain: true, texts: [] },
    };
    this.#waiting = [waiting, { ...waiting, actId: id(12, 2), act: conduct }];
    this.#log = this.#makeLog();
  }

  #makeLog(): AuditItem[] {
    const many = this.#rows ?? 60;
    return Array.from({ length: many }, (_, index): AuditItem => {
      const about = PEOPLE[index % PEOPLE.length] as Person;
      const kinds: readonly AuditItem["done"][] = [
        {
          act: "grant_given",
          person_id: about.personId,
          path: pathOf(about.unitId),
          not_after_ms: Date.now() + 80 * DAY_MS,
        },
        { act: "device_confirmed", person_id: about.personId, device: deviceId(index) },
        { act: "person_suspended", person_id: about.personId, reason: "Enquiry 12/26" },
        { act: "enrolment_codes_made", person_ids: [about.personId] },
        { act: "data_bank_imported", counts: { added: 12, moved: 3 }, remove_missing: false },
      ];
      const done = kinds[index % kinds.length] as AuditItem["done"];
      const unsigned = done["act"] === "data_bank_imported";
      return {
        ...{ number: many - index, madeMs: Date.now() - index * 2_400_000 },
        operator: unsigned ? "root" : null,
        by: unsigned ? null : plate(PEOPLE[(index * 7) % 9] ?? ME),
        ...{ path: unsigned ? "" : pathOf(about.unitId), done },
        signature: unsigned ? "none" : this.#broken && index === 3 ? "wrong" : "right",
        actId: unsigned ? null : (id(12, index) as ActId),
      };
    });
  }

  async rights(): ReturnType<Admin["rights"]> {
    const rules: RightRule[] = RIGHTS.map((right) => ({
      ...{ right, holder: "grant", code: "", level: "", over: "part" },
    }));
    rules.push(
      { right: "see_numbers", holder: "head", code: "", level: "", over: "part" },
      { right: "see_numbers", holder: "everybody", code: "", level: "", over: "heads" },
      { right: "see_numbers", holder: "rank", code: "CI", level: "station", over: "part" },
      { right: "send_large", holder: "role", code: "sho", level: "", over: "unit" },
    );
    const rights: HeldRight[] = this.#console
      ? RIGHTS.map((right) => ({ right, path: "", deep: true, heads: false }))
      : [];
    return { console: this.#console, rights, rules };
  }

  async overview(): ReturnType<Admin["overview"]> {
    const empty = this.#rows === 0;
    return {
      ...{ people: 63_112, registered: 41_870, suspended: 37, devices: 48_102 },
      unconfirmed: empty ? 0 : 3,
      locked: empty ? 0 : 3,
      silent: empty ? 0 : 1_204,
      unreached: empty ? 0 : 316,
      grantsEnding: empty ? 0 : 4,
      waitingActs: empty ? 0 : this.#waiting.length,
      parts: UNITS.filter(({ parentId }) => parentId === UNITS[0]?.unitId).map(
        ({ unitId }, index) => ({
          unitId,
          people: 9_000 - index * 1100,
          registered: 7_800 - index * 1500,
        }),
      ),
    };
  }

  async charts(): ReturnType<Admin["charts"]> {
    if (this.#rows === 0)
      return {
        ...{ firstMs: 0, weekMs: 604_800_000, registrations: [] },
        ...{ versions: [], sizes: [], activity: [] },
      };
    return sampleCharts();
  }

  async people(query: Parameters<Admin["people"]>[0]): ReturnType<Admin["people"]> {
    const text = (query.text ?? "").toLowerCase();
    const found = this.#people.filter(
      ({ person, clients }) =>
        person.names.en.toLowerCase().includes(text) &&
        (query.state !== "unregistered" || clients.length === 0) &&
        (query.state !== "registered" || clients.length > 0),
    );
    const { items, next } = page(found, query.after, query.limit);
    const people = items.map((one) =>
      this.#suspended.has(one.person.personId)
        ? { ...one, person: { ...one.person, status: "suspended" as const } }
        : one,
    );
    return { people, next, total: found.length };
  }

  async devices(query: Parameters<Admin["devices"]>[0]): ReturnType<Admin["devices"]> {
    const all = this.#people.flatMap(({ person, clients }): AdminDevice[] =>
      clients.map((client, at) => ({ person, client, push: PUSHES[at % PUSHES.length] ?? null })),
    );
    const found = all.filter(
      ({ client }) => query.state !== "unconfirmed" || client.confirmed === "no",
    );
    const { items, next } = page(found, query.after, query.limit);
    return { devices: items, next, total: found.length };
  }

  async grants(): ReturnType<Admin["grants"]> {
    const grants = this.#people.slice(0, 300).flatMap(({ person, grants: paths }, index) =>
      paths.map((path) => ({
        ...{ person, path, by: ME, createdMs: Date.now() - 30 * DAY_MS },
        notAfterMs: Date.now() + (index % 3 === 0 ? 5 : 90) * DAY_MS,
        state: index % 5 === 4 ? ("withdrawn" as const) : ("in_force" as const),
      })),
    );
    return { grants };
  }

  authenticatorsAsked(): ReturnType<Admin["authenticatorsAsked"]> {
    const [, person = ME] = PEOPLE;
    const made = { label: "Chrome, Windows", madeMs: Date.now() - 400_000, digits: "481 902" };
    return Promise.resolve([{ person, authenticator: "AAAA", ...made }]);
  }

  async waiting(): ReturnType<Admin["waiting"]> {
    return this.#rows === 0 ? [] : this.#waiting;
  }

  async preview(act: PlainAct): ReturnType<Admin["preview"]> {
    const ids = "personIds" in act ? act.personIds : "personId" in act ? [act.personId] : [];
    const sample = PEOPLE.filter(({ personId }) => ids.includes(personId));
    if (act.act !== "set_rights")
      return {
        effect: "0".repeat(64),
        people: ids.length,
        sample,
        paths: [],
        needsSecond: ids.length > 100,
        rights: [],
        policy: act.act === "set_group_policy" ? POLICY_CHANGES : [],
        conversations: act.act === "abolish_post" ? 7 : 0,
        approvers: PEOPLE.slice(0, 3),
        approverCount: 3,
      };
    const [gaining, losing] = [PEOPLE.slice(0, 9), PEOPLE.slice(9, 11)];
    return {
      ...{ effect: "0".repeat(64), people: 63_112, sample: [], paths: [""], needsSecond: true },
      rights: [{ right: "see_numbers", gain: 1_940, lose: 2, gaining, losing }],
      ...{ policy: [], conversations: 0, approvers: PEOPLE.slice(0, 9), approverCount: 12 },
    };
  }

  async perform(act: PlainAct): Promise<ActAnswer> {
    if (act.act === "suspend_person") this.#suspended.add(act.personId);
    if (act.act === "restore_person") this.#suspended.delete(act.personId);
    if (act.act === "approve_act" || act.act === "refuse_act")
      this.#waiting = this.#waiting.filter(({ actId }) => actId !== act.actId);
    const ids = act.act === "make_enrolment_codes" ? act.personIds : [];
    const codes = ids.map((personId, index) => ({ personId, code: `K7QM-2XW${index % 9}-HT4P` }));
    return { actId: id(12, 99), state: "done", entry: 61, codes };
  }

  // --- Units ----------------------------------------------------------------------------------

  async unitCounts(): ReturnType<Admin["unitCounts"]> {
    return { units: unitCounts() };
  }

  async previewReorganisation(
    asked: Parameters<Admin["previewReorganisation"]>[0],
  ): ReturnType<Admin["previewReorganisation"]> {
    return previewOf("undo" in asked ? PAST_STEPS : asked.steps);
  }

  async reorganisations(): ReturnType<Admin["reorganisations"]> {
    if (this.#rows === 0) return { reorganisations: [] };
    const { units, people } = previewOf(PAST_STEPS);
    const one = { by: "", person: ME, units, people, undoes: null, undoneMs: null };
    return {
      reorganisations: [
        { ...one, number: 2, atMs: Date.now() - 7_200_000, undoes: 1 },
        { ...one, number: 1, atMs: Date.now() - 2 * DAY_MS, undoneMs: Date.now() - 7_200_000 },
      ],
    };
  }

  async unitDraft(): ReturnType<Admin["unitDraft"]> {
    const kept = sessionStorage.getItem("scripted units");
    return kept === null ? null : (JSON.parse(kept) as Awaited<ReturnType<Admin["unitDraft"]>>);
  }

  async keepUnitDraft(draft: Parameters<Admin["keepUnitDraft"]>[0]): Promise<void> {
    sessionStorage.setItem("scripted units", JSON.stringify(draft));
  }

  async audit(query: Parameters<Admin["audit"]>[0]): ReturnType<Admin["audit"]> {
    const found = this.#log.filter(
      ({ done, number }) =>
        (query.kinds === undefined || done["act"] === query.kinds) &&
        (query.before === undefined || number < query.before),
    );
    const entries = found.slice(0, query.limit ?? 100);
    const more = found.length > entries.length;
    const next = more ? (entries.at(-1)?.number ?? null) : null;
    return { entries, people: [...PEOPLE], next, newest: this.#log.length };
  }

  async verifyAudit(): ReturnType<Admin["verifyAudit"]> {
    const counts = {
      entries: 60,
      hash: new Uint8Array(32).fill(0xa7),
      read: 57,
      signed: 45,
      unsigned: 12,
    };
    const problem = this.#broken ? { number: 57, reason: "bad_signature" } : null;
    return { ...counts, problem };
  }
}

function page<T>(
  all: readonly T[],
  after: string | undefined,
  limit = 100,
): { readonly items: T[]; readonly next: string | null } {
  const start = Number(after ?? "0");
  const end = start + limit;
  return { items: all.slice(start, end), next: end < all.length ? String(end) : null };
}
