import type { ConversationId } from "@copconnect/client/wire";
import { expect, it } from "vitest";
import type { AppState, ConnectedCore, CoreListener } from "@copconnect/client/core";
import { useCore } from "#app/core.ts";
import { followCore } from "#app/state/app.svelte.ts";
import { Attaching } from "./attach.svelte.ts";

const CHAT = "chat" as ConversationId;
const file = (name: string): File => new File(["1"], name);
const names = (files: readonly File[] | undefined): unknown => files?.map(({ name }) => name);

it("puts a document behind the photos of evidence, and all in place again after the lock", () => {
  const before = new Attaching(CHAT);
  const end = before.begin();
  before.offerEvidence([file("one.jpg")]);
  before.offerEvidence([file("two.jpg")]);
  before.offerEvidence([file("list.pdf")]);
  expect(names(before.evidence)).toEqual(["one.jpg", "two.jpg", "list.pdf"]);
  // The camera is open, and the app locks.
  end();
  before.offerEvidence([file("three.jpg")]);
  const after = new Attaching(CHAT);
  after.begin()();
  expect(after.wanted).toBe(true);
  expect(after.offered).toBeNull();
  expect(names(after.evidence)).toEqual(["one.jpg", "two.jpg", "list.pdf", "three.jpg"]);
});

it("shows files that came behind the lock once", () => {
  const before = new Attaching(CHAT);
  before.offer([file("one.jpg")]);
  const after = new Attaching(CHAT);
  after.begin()();
  expect(names(after.offered?.files)).toEqual(["one.jpg"]);
  const later = new Attaching(CHAT);
  later.begin()();
  expect(later.offered).toBeNull();
});

it("forgets files that wait when the person signs out, and keeps them over a lock", async () => {
  let tell: CoreListener = () => undefined;
  useCore({
    subscribe: (listener: CoreListener) => (tell = listener),
    app: { start: () => Promise.resolve(null) },
  } as unknown as ConnectedCore);
  await followCore();
  const waiting = (): unknown => {
    const next = new Attaching(CHAT);
    next.begin()();
    return names(next.offered?.files);
  };
  const enter = (phase: AppState["phase"]): void =>
    tell({ type: "app", state: { phase } as AppState });
  new Attaching(CHAT).offer([file("one.jpg")]);
  enter("locked");
  expect(waiting()).toEqual(["one.jpg"]);
  new Attaching(CHAT).offer([file("two.jpg")]);
  enter("signed_out");
  expect(waiting()).toBeUndefined();
});
