/**
 * People and the directory, cached so that everything already seen shows without network.
 *
 * Plates show only what a verified card signs (docs/keys.md, PersonCard); a person without one has no
 * plate until the server has answered; trust tells when more are known. The server's
 * other answers (numbers, roles, status) show on the person's own page alone.
 */
import type { PersonId, UnitId } from "../ids.ts";
import type { PeopleQuery, Plate } from "../seam.ts";
import type { Context } from "../context.ts";
import { failure, hasCode } from "../failure.ts";
import { STORES } from "../records.ts";
import type { PersonCard, ScriptTexts } from "../keys/trust/person-card.ts";
import { foundAmong } from "./known.ts";
import type { DeviceTrust } from "../trust/ports.ts";
import type { Change } from "../vault/vault.ts";
import { sameNames } from "../names.ts";
import type { Directory, Language, Names, People as PeoplePage, Person } from "../wire.ts";

const REMEMBERED = 5_000;
const ASK_AGAIN_MS = 5_000;
/** The ISO 15924 scripts in which a card has the words of each language. */
const SCRIPTS: Readonly<Record<Language, string>> = {
  en: "Latn",
  te: "Telu",
  ur: "Arab",
  hi: "Deva",
};

/** As a card signs it. */
export type SignedPlate = Plate & { readonly rank: Names };

export function namesOf(words: ScriptTexts): Names {
  const said = (language: Language): string =>
    words.find(({ script }) => script === SCRIPTS[language])?.text ?? "";
  const en = said("en") || (words[0]?.text ?? "");
  return { en, te: said("te"), ur: said("ur"), hi: said("hi") };
}

export function plateOf(personId: PersonId, card: PersonCard): SignedPlate {
  return {
    personId,
    names: namesOf(card.names),
    rank: namesOf(card.rank),
    post: namesOf(card.post),
    unitId: (card.path.split("/").at(-1) ?? "") as UnitId,
  };
}

export class PeopleDirectory {
  readonly #context: Pick<Context, "vault" | "api" | "emit" | "now">;
  readonly #trust: Pick<DeviceTrust, "ensure" | "card">;
  readonly #known = new Map<PersonId, Person>();
  #directory: Directory | null = null;
  #failedMs = -Infinity;

  constructor(
    context: Pick<Context, "vault" | "api" | "emit" | "now">,
    trust: Pick<DeviceTrust, "ensure" | "card">,
  ) {
    this.#context = context;
    this.#trust = trust;
  }

  reset(): void {
    this.#known.clear();
    this.#directory = null;
  }

  /** The plate if it is known here; asks the server in the background otherwise. */
  async plate(personId: PersonId | null): Promise<Plate | null> {
    if (personId === null) return null;
    const card = await this.#trust.card(personId);
    if (card !== null) return plateOf(personId, card);
    // Without network every list would ask for everybody whenever it is drawn.
    if (Math.abs(this.#context.now() - this.#failedMs) < ASK_AGAIN_MS) return null;
    this.#trust.ensure([personId]).catch(() => {
      this.#failedMs = this.#context.now();
    });
    return null;
  }

  async plates(personIds: readonly PersonId[]): Promise<readonly Plate[]> {
    const plates = await Promise.all(personIds.map((id) => this.plate(id)));
    return plates.filter((plate) => plate !== null);
  }

  /** Make sure these are known, waiting for the server if it can be reached. */
  async prefetch(personIds: readonly PersonId[]): Promise<void> {
    await this.#trust.ensure(personIds).catch(() => undefined);
  }

  async #remember(people: readonly Person[]): Promise<void> {
    if (this.#known.size > REMEMBERED) this.#known.clear();
    for (const person of people) this.#known.set(person.personId, person);
    const changes: Change[] = people.map((value) => ({
      op: "put",
      store: STORES.people,
      key: value.personId,
      value,
    }));
    await this.#context.vault.write(changes);
  }

  /** The person of the data bank with what the card signs in place of the server's word. */
  async #signed(person: Person): Promise<Person> {
    const card = await this.#trust.card(person.personId);
    if (card === null) return person;
    const { names, rank, post, unitId } = plateOf(person.personId, card);
    const ranks = (await this.#stored())?.ranks ?? [];
    const named = ranks.find(({ code }) => code === person.rank);
    // The directory translates a rank's code. The code serves only if those names are the signed ones.
    const same = named !== undefined && sameNames(named.names, rank);
    return { ...person, names, post, unitId, rank: same ? person.rank : rank.en };
  }

  /** Without network it finds the people who were seen before, where there are any. */
  async search({ first = [], ...query }: PeopleQuery): Promise<PeoplePage> {
    const page = await this.#ask(query);
    const near = await this.#near(first, query);
    const ids = new Set(near.map(({ personId }) => personId));
    const others = page.people.filter(({ personId }) => !ids.has(personId));
    const people = query.after === undefined ? [...near, ...others] : others;
    await this.prefetch(people.map(({ personId }) => personId));
    return { ...page, people: await Promise.all(people.map((one) => this.#signed(one))) };
  }

  async #near(first: readonly PersonId[], query: PeopleQuery): Promise<readonly Person[]> {
    if ((query.text ?? "").trim() === "") return [];
    const known = await Promise.all(first.map((personId) => this.#local(personId)));
    const seen = known.filter((person) => person !== null);
    return foundAmong(seen, query, await this.#stored()).people;
  }

  async #ask(query: Omit<PeopleQuery, "first">): Promise<PeoplePage> {
    const { unitId, ...others } = query;
    try {
      const page = await this.#context.api.people({ ...others, unit: unitId });
      await this.#remember(page.people);
      return page;
    } catch (error) {
      if (!hasCode(error, "network")) throw error;
      const known = await this.#context.vault.all<Person>(STORES.people);
      if (known.length === 0) throw error;
      return foundAmong(known, query, await this.#stored());
    }
  }

  /** The whole card; a card seen before shows without network. */
  async person(personId: PersonId): Promise<Person> {
    try {
      const person = await this.#context.api.person(personId);
      await this.#remember([person]);
      await this.prefetch([personId]);
      return await this.#signed(person);
    } catch (error) {
      const known = hasCode(error, "network") ? await this.#local(personId) : null;
      if (known === null) throw error;
      return this.#signed(known);
    }
  }

  /** Keep people whom the server named, and show each as their card signs them. */
  async met(people: readonly Person[]): Promise<ReadonlyMap<PersonId, Person>> {
    await this.#remember(people);
    await this.prefetch(people.map(({ personId }) => personId));
    const signed = await Promise.all(people.map((one) => this.#signed(one)));
    return new Map(signed.map((one) => [one.personId, one]));
  }

  async directory(): Promise<Directory> {
    return (await this.#stored()) ?? (await this.refreshDirectory(null));
  }

  /** Fetch the directory unless `version` is ours already. */
  async refreshDirectory(version: string | null): Promise<Directory> {
    const ours = await this.#stored();
    if (ours !== null && ours.version === version) return ours;
    const newer = await this.#context.api.directory(ours?.version ?? null);
    if (newer === null) {
      if (ours === null) throw failure("network", { retry: true });
      return ours;
    }
    const change: Change = { op: "put", store: STORES.meta, key: "directory", value: newer };
    await this.#context.vault.write([change]);
    this.#directory = newer;
    this.#context.emit({ type: "directory" });
    return newer;
  }

  async #local(personId: PersonId): Promise<Person | null> {
    const known = this.#known.get(personId);
    if (known !== undefined) return known;
    const stored = await this.#context.vault.get<Person>(STORES.people, personId);
    if (stored !== null) this.#known.set(personId, stored);
    return stored;
  }

  async #stored(): Promise<Directory | null> {
    this.#directory ??= await this.#context.vault.get<Directory>(STORES.meta, "directory");
    return this.#directory;
  }
}
