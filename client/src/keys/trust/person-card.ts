/**
 * PersonCard (docs/keys.md): the name, rank, post and unit of a person, signed by the roster
 * authority. Plates show only what a card signs; grants are judged by its unit path.
 */
import { utf8 } from "../../octets.ts";
import { areAscending } from "../format/fields.ts";
import { RecordFormat, bytes, integer, text, type Field, type RecordOf } from "../format/record.ts";

export interface ScriptName {
  /** ISO 15924, such as "Latn" or "Telu". */
  readonly script: string;
  readonly name: string;
}

const SCRIPT = /^[A-Za-z]{4}$/u;

/** A count (1), then script code (4) and text for each, ascending. */
const namesField: Field<readonly ScriptName[]> = {
  read(reader) {
    const codes: Uint8Array[] = [];
    const names = Array.from({ length: reader.uint(1) }, () => {
      const code = reader.take(4);
      codes.push(code);
      const script = String.fromCharCode(...code);
      reader.require(SCRIPT.test(script), "not a script code");
      return { script, name: reader.text() };
    });
    reader.require(areAscending(codes), "names do not ascend");
    return names;
  },
  write(writer, value) {
    writer.uint(value.length, 1);
    for (const { script, name } of value) writer.bytes(utf8(script), 4).text(name);
  },
};

export const PersonCardFormat = new RecordFormat(
  { label: "copconnect person v1", rule: "E0", version: 1 },
  {
    person: bytes(16),
    number: integer(8),
    created: integer(8),
    names: namesField,
    rank: text,
    post: text,
    unit: text,
    path: text,
  },
);
export type PersonCard = RecordOf<typeof PersonCardFormat>;
