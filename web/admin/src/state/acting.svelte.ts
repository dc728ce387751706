/** Something that a button does: one at a time, and its outcome in a short note. */
import { toast } from "#app/state/toasts.svelte.ts";
import { noticed } from "./admin.svelte.ts";
import type { ActAnswer } from "@copconnect/client/wire";
import { navigate, path } from "#app/router.svelte.ts";
import { c, known } from "../words.ts";
import { coreError } from "#app/core.ts";
import { errorText } from "#i18n/errors.ts";

export class Acting {
  busy = $state(false);

  /** Do it and say the words that it returns; false: it was refused, or another is under way. */
  async run(act: () => Promise<string>): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    try {
      toast(await act());
      return true;
    } catch (error) {
      noticed(error);
      toast(refusalText(error), { tone: "danger" });
      return false;
    } finally {
      this.busy = false;
    }
  }
}

/** Shows the outcome of an administrative act, with a link to its entry in the audit log or to undo it. */
export function sayDone(answer: ActAnswer, text: string, undo: (() => void) | null = null): void {
  if (answer.state === "waiting") {
    toast(c("act.waits"), {
      action: { label: c("act.seeApprovals"), run: () => navigate("/approvals") },
    });
    return;
  }
  toast(text, {
    action:
      undo === null
        ? { label: c("act.seeEntry"), run: () => navigate(path("audit", "act", answer.actId)) }
        : { label: c("act.undo"), run: undo },
  });
}

/** A refusal in words. Those of imports and posts name a reason, whose words the console alone has. */
export function refusalText(thrown: unknown): string {
  const { code, details } = coreError(thrown);
  const reason = String(details["reason"]);
  const said =
    code === "import_refused"
      ? known(`imports.refused.${reason}`)
      : code === "place_invalid"
        ? placeReason(reason)
        : null;
  return said ?? errorText(thrown);
}

/** The reason why somebody cannot hold a post; null for one without words here. */
export function placeReason(reason: string): string | null {
  return known(`moves.reasons.${reason.replaceAll(" ", "_")}`);
}
