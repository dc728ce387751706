/** Moves and groups of the scripted console. */
import type { Core } from "@copconnect/client/core";
import type { Audience, ConversationId, PersonId } from "@copconnect/client/wire";
import { ScriptedImports } from "./imports.ts";
import { id } from "#practice/items.ts";
import { PEOPLE, UNITS } from "../organisation.ts";

type Admin = Core["admin"];

type Calls = Pick<
  Admin,
  | "findPeople"
  | "findPeopleToHold"
  | "postings"
  | "previewMoves"
  | "plannedTransfers"
  | "exported"
  | "previewAudience"
  | "groups"
>;

const names = (en: string) => ({ en, te: "", ur: "", hi: "" });

export class ScriptedOrganising extends ScriptedImports implements Calls {
  async findPeople(given: readonly string[]): ReturnType<Admin["findPeople"]> {
    return {
      people: given.map((one, index) => ({ given: one, person: PEOPLE[index % 40] ?? null })),
    };
  }

  findPeopleToHold(given: readonly string[]): ReturnType<Admin["findPeopleToHold"]> {
    return this.findPeople(given);
  }

  async postings(personId: PersonId): ReturnType<Admin["postings"]> {
    const person = PEOPLE.find((one) => one.personId === personId);
    if (person === undefined) return { postings: [] };
    const { postId, unitId, post, roles } = person;
    const own = { postingId: 0, postId, unitId, post, roles, head: false };
    return {
      postings: [{ ...own, charge: "regular", fromMs: Date.now() - 9_000_000_000, untilMs: null }],
    };
  }

  async previewMoves(
    asked: Parameters<Admin["previewMoves"]>[0],
  ): ReturnType<Admin["previewMoves"]> {
    const groups = { joins: [names("Charminar Police Station")], leaves: [names("East Zone")] };
    return { moves: asked.personIds.map((personId) => ({ personId, allowed: true, ...groups })) };
  }

  async exported(): ReturnType<Admin["exported"]> {
    return new Blob(["code,name_en\r\n"]);
  }

  async plannedTransfers(): ReturnType<Admin["plannedTransfers"]> {
    const day = (in_: number): string => new Date(Date.now() + in_).toISOString().slice(0, 10);
    const transfers = PEOPLE.slice(3, 6).map((person, index) => ({
      ...{ plannedId: index + 1, person, unitId: person.unitId, post: person.post, rank: null },
      on: day((index - 1) * 5 * 86_400_000),
      state: index === 0 ? ("failed" as const) : ("planned" as const),
      reason: index === 0 ? "the person holds another post since" : "",
    }));
    return { transfers };
  }

  async previewAudience(rule: Audience): ReturnType<Admin["previewAudience"]> {
    const people = rule.include.length * 12 + rule.people.length;
    return { people, sample: PEOPLE.slice(0, 8), allowed: people > 0 };
  }

  async groups(): ReturnType<Admin["groups"]> {
    const clause = { everyone: false, below: true, posts: [], levels: [], roles: [], ranks: [] };
    const groups = UNITS.slice(0, 12).map((unit, index) => ({
      ...{ conversationId: id<ConversationId>(13, index), title: unit.names, unitId: unit.unitId },
      rule: {
        include: [{ ...clause, units: [unit.unitId], heads: false }],
        ...{ people: [], exclude: [], without: [] },
      },
      ...{ kind: "unit" as const, whoMaySend: "everyone" as const, members: 40 + index },
      byPolicy: index % 4 !== 3,
    }));
    const line = { roles: [], ranks: [], heads: false, kind: "unit" as const, historyDays: 30 };
    const policy = [
      { ...line, code: "all", title: names("{unit}"), levels: ["state", "district", "station"] },
      { ...line, code: "sho", title: names("SHOs, {unit}"), levels: ["district"], roles: ["sho"] },
    ].map((one) => ({ ...one, whoMaySend: "everyone" as const }));
    return { groups, policy };
  }
}
