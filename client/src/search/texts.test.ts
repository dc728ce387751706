import { expect, it } from "vitest";
import { newId, type PersonId } from "../ids.ts";
import type { Content } from "../kinds/content.ts";
import { bitOf, kindsOf } from "./texts.ts";

function document(name: string, text: string): Content {
  return {
    ...{ kind: "attachments", text, mentions: [], replyTo: null, forwards: 0, evidence: null },
    attachments: [
      {
        ...{ id: newId(), kind: "document", name, mime: "application/pdf", size: 12 },
        ...{ key: new Uint8Array(32), width: null, height: null, durationMs: null },
        ...{ thumb: null, waveform: null, sha256: null },
      },
    ],
  };
}

it("takes for links what people wrote, and no name of a file", () => {
  const me = { personId: newId<PersonId>(), post: "", rank: "", unitId: null };
  const named = kindsOf(document("www.report.pdf", "The report"), me);
  expect(named).toBe(bitOf("document"));
  const written = kindsOf(document("report.pdf", "From www.police.example"), me);
  expect(written).toBe(bitOf("document") | bitOf("link"));
});
