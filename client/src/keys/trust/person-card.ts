/**
 * PersonCard (docs/keys.md): the name, rank, post and unit of a person in the department's languages,
 * signed by the roster authority. Plates show only what a card signs; grants are judged by its unit path.
 */
import { utf8 } from "../../octets.ts";
import { areAscending } from "../format/fields.ts";
import { RecordFormat, bytes, integer, text, type Field, type RecordOf } from "../format/record.ts";

/** A text in one script: ISO 15924, such as "Latn" or "Telu". */
export interface ScriptText {
  readonly script: string;
  readonly text: string;
}
export type ScriptTexts = readonly ScriptText[];

const SCRIPT = /^[A-Za-z]{4}$/u;

/** A count (1), then script code (4) and text for each, ascending. */
const words: Field<ScriptTexts> = {
  read(reader) {
    const codes: Uint8Array[] = [];
    const found = Array.from({ length: reader.uint(1) }, () => {
      const code = reader.take(4);
      codes.push(code);
      const script = String.fromCharCode(...code);
      reader.require(SCRIPT.test(script), "not a script code");
      return { script, text: reader.text() };
    });
    reader.require(areAscending(codes), "scripts do not ascend");
    return found;
  },
  write(writer, value) {
    writer.uint(value.length, 1);
    for (const { script, text } of value) writer.bytes(utf8(script), 4).text(text);
  },
};

export const PersonCardFormat = new RecordFormat(
  { label: "copconnect person v2", rule: "E0", version: 2 },
  {
    person: bytes(16),
    number: integer(8),
    created: integer(8),
    names: words,
    rank: words,
    post: words,
    unit: words,
    path: text,
  },
);
export type PersonCard = RecordOf<typeof PersonCardFormat>;
