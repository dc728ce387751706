/** The scripted core's code of conduct and guard policy, as the console reads and changes them. */
import type { Core, GuardPolicy } from "@copconnect/client/core";
import {
  LANGUAGES,
  type ConductText,
  type ConductVersion,
  type HoldId,
  type ReportId,
} from "@copconnect/client/wire";
import { codeOfConduct } from "../conduct.ts";
import { GUARD_POLICY } from "../guard.ts";
import { ME, PEOPLE, UNITS } from "../organisation.ts";
import { ScriptedOrganising } from "./organising.ts";

type Admin = Core["admin"];

const DAY_MS = 86_400_000;

function textsOf(version: number): ConductText[] {
  return LANGUAGES.map((language) => {
    const { title, rules } = codeOfConduct(language);
    return { language, title, rules: version === 1 ? rules.slice(0, -1) : rules };
  });
}

export abstract class ScriptedConduct extends ScriptedOrganising {
  conductVersions(): ReturnType<Admin["conductVersions"]> {
    const versions: ConductVersion[] = [3, 2, 1].map((version) => ({
      version,
      createdMs: Date.now() - (4 - version) * 40 * DAY_MS,
      by: version === 1 ? null : ME,
      asksAgain: version !== 3,
    }));
    return Promise.resolve({ versions, required: 2, texts: textsOf(3) });
  }
  conductTexts(version: number): ReturnType<Admin["conductTexts"]> {
    return Promise.resolve({ version, texts: textsOf(version) });
  }
  conductAcceptances(): ReturnType<Admin["conductAcceptances"]> {
    const units = UNITS.map(({ unitId }, index) => {
      const people = 24 + ((index * 37) % 90);
      const registered = Math.max(0, people - (index % 7));
      return { unitId, people, registered, accepted: Math.max(0, registered - (index % 11)) };
    });
    return Promise.resolve({ required: 2, units });
  }
  conductPending(
    query: Parameters<Admin["conductPending"]>[0],
  ): ReturnType<Admin["conductPending"]> {
    const people = PEOPLE.filter(
      ({ unitId, names }) =>
        (query.unit === undefined || unitId === query.unit || query.unit === UNITS[0]?.unitId) &&
        names.en.toLowerCase().includes((query.text ?? "").toLowerCase()),
    );
    return Promise.resolve({ people, next: null, total: people.length });
  }
  guardPolicies(): ReturnType<Admin["guardPolicies"]> {
    const classes = [...GUARD_POLICY.places.announcement.insist];
    const versions = [{ number: 2, createdMs: Date.now() - 9 * DAY_MS, by: ME }];
    return Promise.resolve({ policy: { ...GUARD_POLICY, number: 2 }, classes, versions });
  }
  pictures(): ReturnType<Admin["pictures"]> {
    const classes = [...GUARD_POLICY.places.announcement.insist];
    const pictures = classes.slice(0, 5).map((claimed, index) => ({
      hash: String(index).repeat(64),
      claimed,
      reason: index === 0 ? "Sent to every group of the zone each morning." : "",
      reportId: String(index).repeat(32) as ReportId,
      path: UNITS[index]?.unitId ?? "",
      by: ME,
      markedMs: Date.now() - index * DAY_MS,
      removable: index !== 2,
    }));
    return Promise.resolve({ pictures, total: 5, most: 20_000, classes, next: null });
  }
  holds(): ReturnType<Admin["holds"]> {
    const one = {
      title: null,
      conversationId: null,
      person: ME,
      by: ME,
      second: ME,
      untilMs: null,
    };
    const held = { ...one, reason: "Order of the High Court of 3 November", liftedBy: null };
    const holds = [1, 2, 3].map((number) => ({
      ...{ ...held, holdId: String(number).repeat(32) as HoldId, inForce: number < 3 },
      caseNumber: `WP ${String(1200 + number)}/2026`,
      fromMs: Date.now() - number * 9 * DAY_MS,
      untilMs: number === 2 ? Date.now() + 40 * DAY_MS : null,
      liftedMs: number === 3 ? Date.now() - DAY_MS : null,
      liftedBy: number === 3 ? ME : null,
    }));
    return Promise.resolve({ holds, groups: [] });
  }
  guardPolicyOf(text: string): Promise<GuardPolicy | null> {
    const { number } = JSON.parse(text) as { readonly number: number };
    return Promise.resolve({ ...GUARD_POLICY, number });
  }
}
