import { expect, it } from "vitest";
import { tilesUrl } from "./server-config.ts";

const BASE = "https://cop.example/app#/chats";

it.each([
  ["/tiles/{z}/{x}/{y}.png", "https://cop.example/tiles/{z}/{x}/{y}.png"],
  ["https://maps.example/{z}/{x}/{y}.png", "https://maps.example/{z}/{x}/{y}.png"],
  ["javascript:alert(1)//{z}{x}{y}", null],
  ["tiles/{z}/{x}/{y}.png", null],
  ["https://maps.example/tile.png", null],
  [null, null],
  [7, null],
])("%s", (given, expected) => {
  expect(tilesUrl(given, BASE)).toBe(expected);
});
