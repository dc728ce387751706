import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LINK_PICTURE_BYTES, LINK_TITLE } from "../limits.ts";
import {
  bodyOf,
  contentOf,
  decodeContent,
  encodeContent,
  forwardOf,
  searchTexts,
} from "./content.ts";
import type { Decoded } from "./content.ts";
import type { BodySources } from "./kind.ts";
import { firstPage, type LinkedPage } from "./links.ts";

const PAGE: LinkedPage = { title: "Bail rules", description: "As amended", picture: null };
const NONE = {} as BodySources;

function text(words: string, page?: unknown): Decoded {
  const said = { kind: "text", text: words, mentions: [], replyTo: null, forwards: 0 } as const;
  return decodeContent(
    encodeContent({ ...said, ...(page === undefined ? {} : { page }) } as never),
  );
}

async function shown(content: Decoded): Promise<LinkedPage | undefined> {
  const body = await bodyOf(content, NONE);
  return body.kind === "text" ? body.page : undefined;
}

describe("the first page", () => {
  it.each([
    ["See https://courts.gov.in/bail.", "https://courts.gov.in/bail"],
    ["www.courts.gov.in first, https://other.in later", "https://www.courts.gov.in/"],
    ["http://plain.in then https://courts.gov.in", "https://courts.gov.in/"],
    ["https://name@evil.in https://courts.gov.in", "https://courts.gov.in/"],
    ["https://courts.gov.in\u202e/x", null],
    ["mail bail@www.courts.gov.in", null],
    ["no link", null],
  ])("of %j is %j", (words, found) => {
    expect(firstPage(words)?.href ?? null).toBe(found);
  });
});

describe("the page of a text", () => {
  it("is shown with a link in the text alone", async () => {
    expect(await shown(text("https://courts.gov.in", PAGE))).toEqual(PAGE);
    expect(await shown(text("no link", PAGE))).toBeUndefined();
    expect(await shown(text("https://courts.gov.in"))).toBeUndefined();
  });

  it("is bounded, and one line without signs that deceive", async () => {
    const sly = { ...PAGE, title: "Bank\u202e\n of\u200b India" };
    expect((await shown(text("https://a.in", sly)))?.title).toBe("Bank of India");
    const wrong = [
      { ...PAGE, title: "x".repeat(LINK_TITLE + 1) },
      { ...PAGE, picture: new Uint8Array(LINK_PICTURE_BYTES + 1) },
      { ...PAGE, picture: "data:image/png" },
      { title: "Bail" },
      [],
      "page",
    ];
    for (const page of wrong) expect(text("https://a.in", page)).toEqual({ kind: "unsupported" });
  });

  it("is cut to what a message takes when it is sent", () => {
    const picture = new Uint8Array(LINK_PICTURE_BYTES + 1);
    const page = { title: "t".repeat(999), description: "", picture };
    const words = { kind: "text", mentions: [], page } as const;
    const sent = contentOf({ ...words, text: "https://a.in" }, null, () => expect.fail());
    expect(sent).toMatchObject({ page: { title: "t".repeat(LINK_TITLE), picture: null } });
    expect(decodeContent(encodeContent(sent))).toEqual(sent);
    const without = contentOf({ ...words, text: "no link" }, null, () => expect.fail());
    expect(without).not.toHaveProperty("page");
  });

  it("is found by its title where it is shown", () => {
    expect(searchTexts(text("https://a.in", PAGE))).toEqual(["https://a.in", "Bail rules"]);
    expect(searchTexts(text("no link", PAGE))).toEqual(["no link"]);
  });

  it("goes along with a forward", () => {
    expect(forwardOf(text("https://a.in", PAGE))).toMatchObject({ page: PAGE, forwards: 1 });
    expect(forwardOf(text("no link", PAGE))).not.toHaveProperty("page");
  });

  it("reads any bytes", () => {
    fc.assert(
      fc.property(fc.anything(), (page) => {
        expect(["text", "unsupported"]).toContain(text("https://a.in", page ?? null).kind);
      }),
    );
  });
});
