/** Acts and entries of the audit log in words. Unknown tags are shown as they are. */
import type { AuditItem } from "@copconnect/client/core";
import type { Act, Names, PersonId, UnitId } from "@copconnect/client/wire";
import { unitName } from "#app/state/directory.svelte.ts";
import { formatDate, formatNumber, nameOf } from "#i18n/format.ts";
import type { TextValues } from "#i18n/index.svelte.ts";
import { className } from "#screens/conversation/guard/words.ts";
import { c, known } from "../words.ts";
import { nameFor } from "./names.svelte.ts";
import { outcomeText } from "./report-words.ts";

type ActFields = Readonly<Record<string, unknown>>;

/** The unit at the end of a path, in the reader's language. */
export function unitOf(path: string): string {
  const unitId = path.split("/").at(-1) ?? "";
  return path === "" ? c("rights.whole") : unitName(unitId as UnitId) || unitId;
}

/** The name of a signer or an operator, as the audit log names them. */
export function signerText(by: string): string {
  const [kind, who = ""] = by.split(" ");
  return kind === "person" ? nameFor(who as PersonId) : c("audit.operator", { login: who });
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** The name of a group: in the reader's language where the act has all of them. */
function titleOf(fields: ActFields): string {
  const title = fields["title"];
  return typeof title === "object" && title !== null
    ? nameOf(title as Names)
    : text(fields["name"]);
}

/** The values that the sentences may name. */
export function valuesOf(fields: ActFields): TextValues {
  const personId = text(fields["person_id"] ?? fields["personId"]);
  const people = list(fields["person_ids"] ?? fields["personIds"]).map(text);
  const until = fields["not_after_ms"];
  return {
    name: personId === "" ? "" : nameFor(personId as PersonId),
    unit: unitOf(text(fields["path"])),
    reason: text(fields["reason"]),
    kind: className(text(fields["claimed"])),
    date: typeof until === "number" ? formatDate(until) : "",
    count: people.length > 0 ? people.length : Number(fields["people"] ?? 0),
    first: people[0] === undefined ? "" : nameFor(people[0] as PersonId),
    source: text(fields["source"]),
    course: known(`training.courses.${text(fields["course"])}`) ?? "",
    title: titleOf(fields),
    outcome: outcomeText(fields),
    post: text(fields["post"]),
    number: text(fields["case_number"] ?? fields["caseNumber"]),
    version: Number(fields["version"] ?? Number(fields["after"] ?? 0) + 1),
    undone: Number(fields["undone"] ?? 0),
    names: formatNumber(Number(fields["names"] ?? 0)),
    messages: formatNumber(Number(fields["messages"] ?? 0)),
    taken: formatNumber(Number(fields["taken"] ?? 0)),
    asked: known(`acts.kinds.${text(fields["asked"])}`) ?? text(fields["asked"]),
  };
}

/** An act that is asked for: "Give Priya Naidu the right over Charminar PS". */
export function actText(act: Act): string {
  const fields = act as unknown as ActFields;
  return known(`acts.asked.${act.act}`, valuesOf(fields)) ?? act.act;
}

/** An entry in one sentence. */
export function doneText({ done }: Pick<AuditItem, "done">): string {
  const tag = text(done["act"]);
  return known(`acts.done.${tag}`, valuesOf(done)) ?? tag;
}

/** The kind of an entry, for filters. */
export function kindText(tag: string): string {
  return known(`acts.kinds.${tag}`) ?? tag;
}
