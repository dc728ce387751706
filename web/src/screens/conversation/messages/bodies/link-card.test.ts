import { render } from "svelte/server";
import { expect, it } from "vitest";
import LinkCard from "./LinkCard.svelte";

/** The beginning of a JPEG file of 1 by 1: no preview is drawn whose header names no size. */
const JPEG = Uint8Array.of(0xff, 0xd8, 0xff, 0xc0, 0, 17, 8, 0, 1, 0, 1, 3);
const PAGE = { title: "State Bank of India", description: "Log in", picture: JPEG };

function card(text: string, page = PAGE, bare = false): string {
  return render(LinkCard, { props: { text, page, bare } }).body;
}

it("names the host of the link in the text, whatever the words say", () => {
  const drawn = card("Pay at https://evil.example/sbi now");
  expect(drawn).toMatch(/<bdi class="host[^"]*" dir="ltr">evil\.example<\/bdi>/u);
  expect(drawn).toContain('href="https://evil.example/sbi"');
  expect(drawn).toContain('rel="noopener noreferrer nofollow"');
  // A name in another script that looks like a known one.
  expect(card("https://аррӏе.com")).toContain("xn--");
});

it("draws nothing for a text without a link, and markup as text", () => {
  expect(card("no link")).not.toContain("State Bank");
  expect(card("https://a.in", { ...PAGE, title: "<img src=x>" })).not.toContain("<img src=x>");
});

it("loads no picture but the one in the message", () => {
  const sources = [...card("https://a.in").matchAll(/src="([^"]*)"/gu)].map(([, src]) => src);
  expect(sources).toHaveLength(1);
  expect(sources[0]).toMatch(/^data:image\/jpeg;base64,/u);
  const svg = new TextEncoder().encode("<svg onload=x>");
  expect(card("https://a.in", { ...PAGE, picture: svg })).not.toContain("svg");
});

it("is no link in the composer", () => {
  expect(card("https://a.in", PAGE, true)).not.toContain("href");
});
