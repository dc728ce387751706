/**
 * Key packages: what others need to let this device into a cell while it is away.
 *
 * Invariant: private parts are stored before the public parts are uploaded. Of each cipher suite
 * that the server asks for, at least {@link LOW} one-time packages and one last resort lie there.
 */
import type { DeviceContext } from "./context.ts";
import { SUITES } from "./mls/suites.ts";
import type { KeyPackageBundle } from "./mls/types.ts";
import { STORES } from "./records.ts";
import type { KeyPackageRecord } from "./records.ts";
import type { Change } from "./vault/vault.ts";
import type { KeyPackageCount } from "./wire.ts";

export const ENOUGH = 20;
export const LOW = 10;
/** Records written before there were two suites are of this one. */
const FIRST_SUITE = 1;

export async function storedBundles(context: DeviceContext): Promise<readonly KeyPackageBundle[]> {
  return context.vault.all<KeyPackageRecord>(STORES.keyPackages);
}

/** Fill up what the server holds; all anew when the certificate is another since (`renewed`: now). */
export async function topUpKeyPackages(context: DeviceContext, renewed = false): Promise<void> {
  const { counts } = await context.api.keyPackageCounts();
  const stored = await context.vault.all<KeyPackageRecord>(STORES.keyPackages);
  for (const count of counts.filter(({ suite }) => SUITES.some(({ number }) => number === suite))) {
    const own = stored.filter(({ suite = FIRST_SUITE }) => suite === count.suite);
    // A vault without the private parts (wiped, or another database) makes the server's useless,
    // and with its certificate a package ends.
    const { certificateHash } = context.account();
    const current = own.some((one) => one.lastResort && one.certificateHash === certificateHash);
    const known = current && !renewed;
    await topUp(context, count, known);
  }
}

async function topUp(
  context: DeviceContext,
  { suite, ...count }: KeyPackageCount,
  known: boolean,
): Promise<void> {
  const missing = count.oneTime < LOW || !known ? ENOUGH - (known ? count.oneTime : 0) : 0;
  const needLastResort = !count.lastResort || !known;
  if (missing <= 0 && !needLastResort) return;

  const mls = context.mls(suite);
  const { certificateHash } = context.account();
  const oneTime: KeyPackageBundle[] = [];
  for (let i = 0; i < missing; i++) oneTime.push(await mls.generateKeyPackage(false));
  const lastResort = needLastResort ? await mls.generateKeyPackage(true) : null;
  const fresh = lastResort === null ? oneTime : [...oneTime, lastResort];
  const puts: Change[] = fresh.map(({ keyPackage, reference, secret, lastResort }) => ({
    op: "put",
    store: STORES.keyPackages,
    key: reference,
    value: {
      ...{ keyPackage, reference, secret, lastResort, suite, certificateHash },
    } satisfies KeyPackageRecord,
  }));
  await context.vault.write(puts, true);
  await context.api.uploadKeyPackages({
    suite,
    oneTime: oneTime.map(({ keyPackage }) => keyPackage),
    lastResort: lastResort?.keyPackage ?? null,
  });
}

/** The change that forgets a package that a Welcome used up. Last resorts stay. */
export function usedUp(bundle: KeyPackageBundle): readonly Change[] {
  if (bundle.lastResort) return [];
  return [{ op: "delete", store: STORES.keyPackages, key: bundle.reference }];
}
