/** Says what became of an act, with the way to its line in the audit log or to undo it. */
import type { ActAnswer } from "@copconnect/client/wire";
import { navigate, path } from "#app/router.svelte.ts";
import { toast } from "#app/state/toasts.svelte.ts";
import { c } from "../words.ts";

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
