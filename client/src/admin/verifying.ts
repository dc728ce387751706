/**
 * Verifying the audit log on this device: the whole chain, and every signature by certificates that the
 * department's CA issued. The newest entry is noted in the vault, so that a log that was cut off or
 * replaced since the last time shows here and not only where somebody wrote its hash on paper.
 */
import { compareBytes, type Bytes } from "../octets.ts";
import { appended, edgeRoot, leafHash } from "../keys/format/merkle.ts";
import { keptHead, type KeptHead } from "../trust/audit-head.ts";
import type { VerifiedAudit } from "../seam/admin.ts";
import type { Api } from "../transport/api.ts";
import type { DeviceTrust } from "../trust/ports.ts";
import { META, putMeta } from "../vault/changes.ts";
import type { Vault } from "../vault/vault.ts";
import type { AuditEntry } from "../wire.ts";
import { Broken, LogChain } from "./log.ts";
import { Signatures, signerOf } from "./signatures.ts";

const NOTED = "audit_noted";

interface Noted {
  readonly number: number;
  readonly hash: Uint8Array;
}

export interface VerifyingOptions {
  readonly api: Pick<Api, "auditChain">;
  readonly vault: Pick<Vault, "get" | "write">;
  readonly trust: Pick<DeviceTrust, "ensure" | "certificateOf">;
}

/** Verify the log from its first entry. Rejects where the server cannot be reached or refuses. */
export async function verifyAudit(options: VerifyingOptions): Promise<VerifiedAudit> {
  const { api, vault } = options;
  const noted = await vault.get<Noted>(META, NOTED);
  const [chain, signatures] = [new LogChain(), new Signatures()];
  const kept = await keptHead(vault);
  let edge: readonly Bytes[] = [];
  let read = 0;
  try {
    for (let more = true; more;) {
      const page = await api.auditChain({ after: chain.number });
      await fetchSigners(options, page.entries);
      for (const entry of page.entries) {
        chain.follow(entry);
        requireNoted(noted, entry);
        edge = appended(edge, entry.number - 1, leafHash(entry.hash));
        requireKept(kept, entry.number, edge);
        await signatures.follow(entry, await keyOf(options, entry));
        if (entry.content !== null) read += 1;
      }
      more = page.next !== null;
      if (!more) chain.end(page.newest, page.newestHash);
    }
    const least = Math.max(noted?.number ?? 0, kept?.size ?? 0);
    if (chain.number < least) throw new Broken(chain.number + 1, "rolled_back");
    signatures.end(chain.number);
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    const { number, reason } = error;
    return { ...counts(chain, signatures, read), problem: { number, reason } };
  }
  const { number, hash } = chain;
  await vault.write([putMeta(NOTED, { number, hash } satisfies Noted)]);
  return { ...counts(chain, signatures, read), problem: null };
}

function counts({ number, hash }: LogChain, { signed, unsigned }: Signatures, read: number) {
  return { entries: number, hash, read, signed, unsigned };
}

function requireNoted(noted: Noted | null, entry: AuditEntry): void {
  if (noted?.number === entry.number && compareBytes(noted.hash, entry.hash) !== 0)
    throw new Broken(entry.number, "rolled_back");
}

/** The log is the one whose head came signed with the time (T1). */
function requireKept(kept: KeptHead | null, number: number, edge: readonly Bytes[]): void {
  if (kept?.size === number && compareBytes(edgeRoot(edge), kept.root) !== 0)
    throw new Broken(number, "rolled_back");
}

async function fetchSigners(
  { trust }: VerifyingOptions,
  entries: readonly AuditEntry[],
): Promise<void> {
  const people = entries.flatMap(({ content }) =>
    content === null || content.signedAs === "" ? [] : (signerOf(content.by)?.personId ?? []),
  );
  if (people.length > 0) await trust.ensure(new Set(people));
}

/** The key of the device that an entry names; null where no certificate of the department says it. */
export async function keyOf(
  { trust }: Pick<VerifyingOptions, "trust">,
  { content }: AuditEntry,
): Promise<Uint8Array | null> {
  if (content === null || content.signedAs === "") return null;
  const by = signerOf(content.by);
  if (by === null) return null;
  const certificate = await trust.certificateOf(by.personId, by.device);
  return certificate?.publicKey ?? null;
}
