/** Whatever bytes a parser of docs/keys.md is given, only Refused escapes. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AcknowledgementFormat } from "#core/keys/acknowledgement.ts";
import { CellKeyFormat } from "#core/keys/cell-key.ts";
import { ConversationKeyFormat } from "#core/keys/conversation-key.ts";
import { DeviceKeyFormat } from "#core/keys/device-key.ts";
import { Reader, Writer, uint } from "#core/keys/format/fields.ts";
import { requirePublicKey } from "#core/keys/hpke.ts";
import type { DeviceId } from "#core/ids.ts";
import { parseKeyShare } from "#core/keys/key-share.ts";
import { HeaderFormat, SIGNED_HEADER_BYTES, parseMessage } from "#core/keys/message.ts";
import type { Field, RecordFormat } from "#core/keys/format/record.ts";
import { Refused } from "#core/keys/format/refused.ts";
import { requireSigningKey } from "#core/keys/format/signature.ts";
import { concat, equalBytes, type Bytes } from "#core/octets.ts";
import { RosterHeadFormat } from "#core/keys/roster/head.ts";
import { checkProof } from "#core/keys/roster/proof.ts";
import { HeadStampFormat } from "#core/keys/roster/stamp.ts";
import { DepartmentFormat } from "#core/keys/trust/department.ts";
import { readCertificate } from "#core/keys/trust/device-certificate.ts";
import { EndorsementFormat } from "#core/keys/trust/endorsement.ts";
import { GrantFormat } from "#core/keys/trust/grant.ts";
import { PersonCardFormat } from "#core/keys/trust/person-card.ts";
import { PersonDevicesFormat } from "#core/keys/trust/person-devices.ts";
import { RevocationFormat } from "#core/keys/trust/revocation.ts";
import { TimeFormat } from "#core/keys/trust/time.ts";
import { ALL, at, hex, read } from "./vectors.ts";

const EXTRA = (JSON.parse(read("extra.json")) as { records: Record<string, { record: string }> })
  .records;
const [[, v]] = ALL as unknown as readonly [(typeof ALL)[number]];
const conversation = hex(v.conversation);
const head = RosterHeadFormat.parse(hex(at(v.roster, "2").head));
const device = (name: string) => at(v.devices, name);
const extra = (name: string) => hex(at(EXTRA, name).record);

/** Parse, then encode: what parses is nothing but what a record encodes to. */
function exact<L extends Readonly<Record<string, Field<unknown>>>>(
  format: RecordFormat<L>,
): (bytes: Bytes) => void {
  return (bytes) => {
    const record = format.parse(bytes);
    const again = concat(format.encodeUnsigned(record), record.signature);
    expect(equalBytes(again, bytes)).toBe(true);
  };
}

const PARSERS: readonly (readonly [string, Bytes, (bytes: Bytes) => unknown])[] = [
  ["department", hex(v.department), exact(DepartmentFormat)],
  ["department without admins", extra("department 1"), exact(DepartmentFormat)],
  ["grant", hex(at(v.grants, "1")), exact(GrantFormat)],
  ["endorsement", hex(at(v.endorsements, "b")), exact(EndorsementFormat)],
  ["revocation", extra("b1 lost"), exact(RevocationFormat)],
  ["person devices", extra("devices B"), exact(PersonDevicesFormat)],
  ["person card", hex(at(v.people, "A").card), exact(PersonCardFormat)],
  ["time", extra("time"), exact(TimeFormat)],
  ["acknowledgement", extra("acknowledgement b1"), exact(AcknowledgementFormat)],
  ["device key", hex(device("a").device_key), exact(DeviceKeyFormat)],
  ["roster head", head.bytes, exact(RosterHeadFormat)],
  ["stamp", hex(at(v.roster, "2").stamp), exact(HeadStampFormat)],
  ["conversation key", hex(at(v.conversation_keys, "1").record), exact(ConversationKeyFormat)],
  ["cell key", hex(at(v.cell_keys, "1").record), exact(CellKeyFormat)],
  ["header", hex(at(v.messages, "1").message).slice(0, SIGNED_HEADER_BYTES), exact(HeaderFormat)],
  ["message", hex(at(v.messages, "1").message), (bytes) => parseMessage(bytes, conversation)],
  [
    "proof",
    hex(at(at(v.roster, "2").leaves, "a")),
    (bytes) => checkProof(head, device("a").device as DeviceId, bytes, "R2"),
  ],
  ["share", hex(v.share_to_d), (bytes) => parseKeyShare(v.kem, bytes)],
  [
    "certificate",
    hex(device("a").certificate),
    (bytes) => readCertificate(bytes, [hex(v.issuing_key)]),
  ],
  [
    "signing key",
    hex(v.issuing_key),
    (bytes) => {
      requireSigningKey(bytes, "D3");
    },
  ],
  [
    "public key",
    DeviceKeyFormat.parse(hex(device("a").device_key)).publicKey.slice(),
    (bytes) => {
      requirePublicKey(v.kem, bytes, "H2");
    },
  ],
];

async function onlyRefused(parse: (bytes: Bytes) => unknown, bytes: Bytes): Promise<void> {
  try {
    await parse(bytes);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
  }
}

const anyBytes = fc.uint8Array({ maxLength: 600 });

describe("only Refused escapes", () => {
  it.each(PARSERS)("%s", async (_name, good, parse) => {
    await parse(good);
    const changes = fc.array(fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 })), {
      minLength: 1,
      maxLength: 4,
    });
    const changed = fc
      .record({
        changes,
        end: fc.option(fc.nat(good.length)),
        more: fc.uint8Array({ maxLength: 3 }),
      })
      .map(({ changes, end, more }) => {
        const bytes = good.slice();
        for (const [place, by] of changes) bytes[place] = (bytes[place] ?? 0) ^ by;
        return concat(bytes.subarray(0, end ?? bytes.length), more);
      });
    await fc.assert(fc.asyncProperty(changed, (bytes) => onlyRefused(parse, bytes)));
    await fc.assert(
      fc.asyncProperty(anyBytes, (bytes) => onlyRefused(parse, bytes as Bytes)),
      { numRuns: 50 },
    );
  });

  it("integers of 8 bytes up to 2^53 - 1 are read as written, others refused", () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 2n ** 64n - 1n), (value) => {
        const bytes = new Uint8Array(8);
        new DataView(bytes.buffer).setBigUint64(0, value);
        const reader = new Reader(bytes, "R1");
        if (value > BigInt(Number.MAX_SAFE_INTEGER)) expect(() => reader.uint(8)).toThrow(Refused);
        else expect(uint(reader.uint(8), 8)).toEqual(bytes);
      }),
    );
    const highest = new Reader(uint(Number.MAX_SAFE_INTEGER, 8), "R1");
    expect(highest.uint(8)).toBe(Number.MAX_SAFE_INTEGER);
  });

  it("text is read as written, with its BOM; what is not UTF-8 is refused", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (value) => {
        expect(new Reader(new Writer().text(value).done(), "E0").text()).toBe(value);
      }),
    );
    const bom = "\uFEFFa";
    expect(new Reader(new Writer().text(bom).done(), "E0").text()).toBe(bom);
    expect(() => new Writer().text("\uD800")).toThrow(RangeError);
    for (const wrong of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80]]) {
      const bytes = concat(uint(wrong.length, 2), Uint8Array.from(wrong));
      expect(() => new Reader(bytes, "E0").text()).toThrow(/^E0: text is not UTF-8/u);
    }
  });
});
