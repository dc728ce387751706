/**
 * The code of conduct: read from the server, and kept on this device to be read without network.
 * Acceptances are the account's.
 */
import type { Context } from "../context.ts";
import { hasCode } from "../failure.ts";
import type { ConductView } from "../seam/conduct.ts";
import { META, putMeta } from "../vault/changes.ts";
import type { ConductCode, Language, Me } from "../wire.ts";

const KEPT = "conduct";

/** `meta/conduct`: the newest version that was read in each language. */
type StoredConduct = Readonly<Partial<Record<Language, ConductCode>>>;

export interface ConductOptions {
  readonly context: Pick<Context, "vault"> & {
    readonly api: Pick<Context["api"], "conduct">;
  };
  /** The account as it was last fetched. */
  readonly me: () => Me | null;
}

/** Whether the account may continue without accepting the code again. */
export function hasAccepted(me: Me | null): boolean {
  return me !== null && me.conductVersion !== null && me.conductVersion >= me.conductRequired;
}

export class Conduct {
  readonly #options: ConductOptions;

  constructor(options: ConductOptions) {
    this.#options = options;
  }

  /** The newest version; without network the one that was read last. Rejects with `network`. */
  async code(language: Language): Promise<ConductCode> {
    const { api, vault } = this.#options.context;
    const kept = (await vault.get<StoredConduct>(META, KEPT)) ?? {};
    try {
      const code = await api.conduct({ language });
      if (kept[language]?.version !== code.version)
        await vault.write([putMeta(KEPT, { ...kept, [language]: code })]);
      return code;
    } catch (error) {
      const known = kept[language];
      if (known === undefined || !hasCode(error, "network", "overloaded")) throw error;
      return known;
    }
  }

  /** The newest version beside the one that this person accepted. Rejects with `network`. */
  async view(language: Language): Promise<ConductView> {
    const code = await this.code(language);
    const me = this.#options.me();
    const version = me?.conductVersion ?? null;
    const accepted = version === null ? null : { version, atMs: me?.conductAcceptedMs ?? 0 };
    return { code, accepted, former: await this.#former(code, version), owed: !hasAccepted(me) };
  }

  async #former(code: ConductCode, version: number | null): Promise<ConductCode | null> {
    if (version === null || version === code.version) return null;
    // The differences are a help: without them the whole text is still there to be read.
    return this.#options.context.api
      .conduct({ language: code.language, version })
      .catch(() => null);
  }
}
