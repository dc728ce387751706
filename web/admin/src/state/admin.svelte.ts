/**
 * This person's rights in the console and their open tasks. Only for offering: the core signs and
 * the server judges. A refusal for want of a right reads the rights again, so that a page that was open
 * through a demotion says so.
 */
import type { ActAnswer, AdminOverview, AdminRights, Right } from "@copconnect/client/wire";
import type { PlainAct } from "@copconnect/client/core";
import { core, coreError } from "#app/core.ts";
import { app } from "#app/state/app.svelte.ts";
import { Loading } from "#app/state/loading.svelte.ts";

const rights = new Loading<AdminRights>();
const overview = new Loading<AdminOverview>();

export const admin = {
  /** Null until the server has answered. */
  get rights(): AdminRights | null {
    return rights.value;
  },
  get error(): unknown {
    return rights.error;
  },
  get slow(): boolean {
    return rights.slow;
  },
  get overview(): AdminOverview | null {
    return overview.value;
  },
  get overviewError(): unknown {
    return overview.error;
  },
  has(right: Right): boolean {
    return rights.value?.rights.some((one) => one.right === right) ?? false;
  },
  /** Whether a right holds over a unit, by its path. */
  over(right: Right, path: string): boolean {
    return (
      rights.value?.rights.some((one) => {
        const below = one.deep && (one.path === "" || `${path}/`.startsWith(`${one.path}/`));
        return one.right === right && !one.heads && (one.path === path || below);
      }) ?? false
    );
  },
  /** Phones to confirm and acts to approve. */
  get waits(): number {
    return (overview.value?.unconfirmed ?? 0) + (overview.value?.waitingActs ?? 0);
  },
};

export function loadRights(): Promise<void> {
  return rights.load(() => core().admin.rights());
}

export async function loadOverview(): Promise<void> {
  if (app.offline) return;
  await overview.load(() => core().admin.overview());
}

/** Sign an act and let the server do it; what the console shows is read again afterwards. */
export async function perform(act: PlainAct): Promise<ActAnswer> {
  try {
    const answer = await core().admin.perform(act);
    void loadOverview();
    return answer;
  } catch (error) {
    noticed(error);
    throw error;
  }
}

/** A refusal for want of a right: the rights are others than this page thinks. */
export function noticed(error: unknown): void {
  if (coreError(error).code === "not_allowed") void loadRights();
}
