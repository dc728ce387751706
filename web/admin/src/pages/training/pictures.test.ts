import { expect, it } from "vitest";
import { pictureType } from "#media/encoding/lesson-picture.ts";
import * as pictures from "./pictures.ts";
import { emptyTexts } from "./courses.ts";

const QUIZ = "```quiz\nquestion: Where?\n\noptions:\n```";
const TEXT = `---\ntitle: A\n\nminutes: 2\n---\n\nOne\nline.\n\n${QUIZ}\n`;

it("puts a picture below the block of the cursor, in its words, and takes it out again", () => {
  const block = pictures.blockAt(TEXT, TEXT.indexOf("line."));
  const put = pictures.withPicture(TEXT, "post.webp", block);
  expect(put).toBe(TEXT.replace("line.\n", "line.\n\n![](post.webp)\n"));
  expect(pictures.altOf(put, "post.webp")).toBe("");
  const said = pictures.withAlt(put, "post.webp", "A [post]\nby night $& ");
  expect(pictures.altOf(said, "post.webp")).toBe("A  post  by night $& ");
  expect(pictures.withName(said, "post.webp", "b.jpg")).toContain("night $& ](b.jpg)");
  expect(pictures.without(said, "post.webp")).toBe(TEXT);
  // A quiz with an empty line is one block, and the end of a text is its last block.
  const last = pictures.blockAt(TEXT, TEXT.indexOf("options"));
  for (const at of [last, pictures.blockAt(TEXT, TEXT.length), 99])
    expect(pictures.withPicture(TEXT, "b.jpg", at)).toBe(
      TEXT.replace(/```\n$/u, "```\n\n![](b.jpg)\n"),
    );
  expect(pictures.shownIn({ ...emptyTexts(), ur: said })).toEqual(new Set(["post.webp"]));
});

it("names a picture after its file, once", () => {
  const taken = new Set(["night-post.webp"]);
  expect(pictures.nameFor("Night post.PNG", "image/webp", taken)).toBe("night-post-2.webp");
  expect(pictures.nameFor("తెలుగు.jpg", "image/jpeg", taken)).toBe("picture.jpg");
});

it("tells a picture by its bytes: no drawing, no sound", () => {
  const bytes = (text: string) => Uint8Array.from(text, (one) => one.charCodeAt(0));
  expect(pictureType(bytes("RIFF1234WEBPVP8 "))).toBe("image/webp");
  expect(pictureType(bytes("\xff\xd8\xff\xe0"))).toBe("image/jpeg");
  for (const other of ["RIFF1234WAVEfmt ", "<svg xmlns=", "<?xml versio", "GIF89a", ""])
    expect(pictureType(bytes(other))).toBeNull();
});
