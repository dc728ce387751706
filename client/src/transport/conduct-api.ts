/** The console's routes of conduct and of the guard, typed (docs/protocol.md, "Routes"). No state. */
import type * as wire from "../wire.ts";
import type { Http } from "./http.ts";
import { given } from "./query.ts";

export interface PendingAsked {
  readonly text?: string;
  readonly unit?: string;
  readonly deep?: boolean;
  readonly after?: string;
  readonly limit?: number;
}

export class ConductApi {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  #get<T>(path: string): Promise<T> {
    return this.#http.call<T>({ method: "GET", path: `/v1/admin/${path}` });
  }

  versions(): Promise<wire.ConductVersions> {
    return this.#get("conduct");
  }

  texts(version: number): Promise<wire.ConductTexts> {
    return this.#get(`conduct/versions/${String(version)}`);
  }

  acceptances(): Promise<wire.ConductAcceptances> {
    return this.#get("conduct/acceptances");
  }

  pending(asked: PendingAsked): Promise<wire.People> {
    const body: wire.Search = { asked: given({ ...asked }) };
    return this.#http.call({ method: "POST", path: "/v1/admin/conduct/pending", body });
  }

  pictures(before: number | null): Promise<wire.KnownPictures> {
    return this.#get(before === null ? "pictures" : `pictures?before=${String(before)}`);
  }

  policies(): Promise<wire.GuardPolicies> {
    return this.#get("guard");
  }
}
