/**
 * Questions to the server about people, in as few requests as can be: a caller who asks while one
 * is on its way is served together with the others that wait, by the next one.
 */
import type { PersonId } from "../ids.ts";
import type { Api } from "../transport/api.ts";
import type { KnownPerson } from "../wire.ts";
import type { TrustAnswer } from "./trust-update.ts";

/** People in one request (wire.LookUpTrust). */
const AT_ONCE = 500;

export interface FetchingOptions {
  readonly api: Pick<Api, "lookUpTrust">;
  /** This device's knowledge of a person when the request is made. */
  readonly known: (personId: PersonId, keys: boolean) => KnownPerson;
  /** The department's time, rather too early than too late; null: not known. */
  readonly earliest: () => number | null;
  readonly take: (answer: TrustAnswer) => Promise<void>;
}

interface Round {
  readonly people: Set<PersonId>;
  readonly done: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** One queue for questions with DeviceKeys and one for those without. */
export class Fetching {
  readonly #options: FetchingOptions;
  readonly #rounds = new Map<boolean, Round>();
  /** The round whose requests are on their way. */
  readonly #running = new Map<boolean, Round>();

  constructor(options: FetchingOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the answers about these people have been taken in. `fresh`: an answer to a request
   * that is on its way already does not serve.
   */
  async fetch(people: Iterable<PersonId>, keys: boolean, fresh: boolean): Promise<void> {
    const running = this.#running.get(keys);
    const wanted = [...people];
    const isServed = (personId: PersonId): boolean =>
      !fresh && running?.people.has(personId) === true;
    const unserved = wanted.filter((personId) => !isServed(personId));
    const waits: Promise<void>[] = [];
    if (running !== undefined && unserved.length < wanted.length) waits.push(running.done);
    if (unserved.length > 0) {
      const round = this.#rounds.get(keys) ?? newRound();
      this.#rounds.set(keys, round);
      for (const personId of unserved) round.people.add(personId);
      if (running === undefined) void this.#run(keys, round);
      waits.push(round.done);
    }
    await Promise.all(waits);
  }

  async #run(keys: boolean, first: Round): Promise<void> {
    this.#running.set(keys, newRound());
    // Callers of the same tick join the first request.
    await Promise.resolve();
    for (let round: Round | undefined = first; round !== undefined;) {
      this.#rounds.delete(keys);
      this.#running.set(keys, round);
      try {
        await this.#ask([...round.people], keys);
        round.resolve();
      } catch (error) {
        round.reject(error);
      }
      round = this.#rounds.get(keys);
    }
    this.#running.delete(keys);
  }

  async #ask(people: readonly PersonId[], keys: boolean): Promise<void> {
    const { api, known, earliest, take } = this.#options;
    for (let at = 0; at < people.length; at += AT_ONCE) {
      const asked = people.slice(at, at + AT_ONCE).map((personId) => known(personId, keys));
      const askedMs = earliest();
      const answer = await api.lookUpTrust({ people: asked, keys });
      const told = new Set([...answer.people.map(({ personId }) => personId), ...answer.untold]);
      const unchanged = asked.flatMap(({ personId, held }) =>
        held.length > 0 && !told.has(personId) ? [personId] : [],
      );
      await take({ people: answer.people, keys, unchanged, askedMs });
    }
  }
}

function newRound(): Round {
  let resolve: () => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const done = new Promise<void>((onDone, onFailed) => {
    resolve = onDone;
    reject = onFailed;
  });
  // Callers that wait handle a failure; the round of a stopped device may have none.
  done.catch(() => undefined);
  return { people: new Set(), done, resolve, reject };
}
