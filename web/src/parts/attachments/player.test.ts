import type { AttachmentId, ConversationId, MessageId } from "@copconnect/client/wire";
import type {
  AttachmentView,
  ConnectedCore,
  CoreEvent,
  CoreListener,
  MessageItem,
} from "@copconnect/client/core";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { useCore } from "#app/core.ts";
import { followCore, leave } from "#app/state/app.svelte.ts";
import { sounding } from "#app/state/sounding.svelte.ts";
import { player, type Track } from "./player.svelte.ts";

const conversationId = "c" as ConversationId;

/** A sound of a browser, as far as the player uses it. */
class FakeAudio extends EventTarget {
  static made: FakeAudio[] = [];
  currentTime = 0;
  playbackRate = 1;
  paused = true;

  constructor(readonly src: string) {
    super();
    FakeAudio.made.push(this);
  }

  play(): Promise<void> {
    this.paused = false;
    this.dispatchEvent(new Event("play"));
    return Promise.resolve();
  }

  pause(): void {
    this.paused = true;
    this.dispatchEvent(new Event("pause"));
  }

  reach(seconds: number): void {
    this.currentTime = seconds;
    this.dispatchEvent(new Event("timeupdate"));
  }
}

const note = (name: string, kind: AttachmentView["kind"] = "voice"): AttachmentView =>
  ({ attachmentId: name as AttachmentId, kind, name, durationMs: 10_000 }) as AttachmentView;

function message(name: string, ...attachments: readonly AttachmentView[]): MessageItem {
  const body = { kind: "attachments", text: "", mentions: [], attachments } as const;
  return {
    messageId: name as MessageId,
    conversationId,
    body,
    mine: false,
    sender: null,
    replyTo: null,
  } as never;
}

const MESSAGES = [
  message("1", note("a"), note("b")),
  message("2", note("picture", "image")),
  message("3", note("c")),
];
const track = (at: number, file = 0): Track => {
  const one = MESSAGES[at] as MessageItem;
  if (one.body.kind !== "attachments") throw new Error("no files");
  return { attachment: one.body.attachments[file] as AttachmentView, message: one };
};

let tell: CoreListener = () => undefined;

beforeEach(async () => {
  FakeAudio.made = [];
  vi.stubGlobal("Audio", FakeAudio);
  vi.spyOn(URL, "createObjectURL").mockReturnValue("blob:1");
  vi.spyOn(URL, "revokeObjectURL").mockReturnValue(undefined);
  const from = (id: MessageId) => MESSAGES.findIndex(({ messageId }) => messageId === id);
  useCore({
    subscribe: (listener: CoreListener) => (tell = listener),
    app: { start: () => Promise.resolve(null) },
    attachments: { get: () => Promise.resolve(new Blob(["x"])) },
    messages: {
      around: (_: unknown, id: MessageId) => Promise.resolve({ messages: [MESSAGES[from(id)]] }),
      after: (_: unknown, id: MessageId) =>
        Promise.resolve({ messages: MESSAGES.slice(from(id) + 1) }),
    },
  } as unknown as ConnectedCore);
  await followCore();
});
afterEach(() => {
  leave();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const playing = (): string | null => player.track?.attachment.attachmentId ?? null;
const last = (): FakeAudio => FakeAudio.made.at(-1) as FakeAudio;

it("plays the next voice notes of the chat by itself, and then closes its bar", async () => {
  await player.toggle(track(0));
  expect([playing(), sounding.on]).toEqual(["a", true]);
  for (const next of ["b", "c"]) {
    last().dispatchEvent(new Event("ended"));
    await vi.waitFor(() => expect(playing()).toBe(next));
    await vi.waitFor(() => expect(player.playing).toBe(true));
  }
  last().dispatchEvent(new Event("ended"));
  await vi.waitFor(() => expect([playing(), sounding.on]).toEqual([null, false]));
});

it("plays one sound at a time, each from where it was left, at the chosen speed", async () => {
  await player.toggle(track(0));
  const first = last();
  first.reach(4);
  player.faster();
  await player.toggle(track(2));
  expect([first.paused, last().playbackRate, player.secondsOf(note("a").attachmentId)]).toEqual([
    ...[true, 1.5, 4],
  ]);
  player.seek(note("a"), 99);
  await player.toggle(track(0));
  expect(last().currentTime).toBeCloseTo(9.95);
  await player.toggle(track(0));
  expect([last().paused, player.playing, sounding.on]).toEqual([true, false, true]);
});

it("offers to try again where a sound cannot be played", async () => {
  vi.spyOn(FakeAudio.prototype, "play").mockImplementation(function (this: FakeAudio) {
    this.dispatchEvent(new Event("play"));
    return Promise.reject(new Error("no decoder"));
  });
  await player.toggle(track(0));
  expect([player.failed, player.playing]).toEqual([true, false]);
});

it("stops and forgets when the app is locked", async () => {
  await player.toggle(track(0));
  last().reach(4);
  leave();
  expect([last().paused, playing(), sounding.on]).toEqual([true, null, false]);
  expect(player.secondsOf(note("a").attachmentId)).toBe(0);
});

it("ends with its message, and its plaintext is out of reach", async () => {
  const messageId = "1" as MessageId;
  const deleted = { ...MESSAGES[0], body: { kind: "deleted", by: null } } as MessageItem;
  const takings: readonly CoreEvent[] = [
    { type: "message_removed", conversationId, messageId },
    { type: "messages", conversationId, items: [deleted] },
    { type: "conversation_gone", conversationId },
  ];
  for (const event of takings) {
    vi.mocked(URL.revokeObjectURL).mockClear();
    await player.toggle(track(0));
    last().reach(4);
    tell({ type: "messages", conversationId, items: MESSAGES });
    tell({ type: "message_removed", conversationId, messageId: "2" as MessageId });
    expect(player.playing).toBe(true);
    tell(event);
    expect([last().paused, playing(), sounding.on]).toEqual([true, null, false]);
    expect(player.secondsOf(note("a").attachmentId)).toBe(0);
    await vi.waitFor(() => expect(URL.revokeObjectURL).toHaveBeenCalledWith("blob:1"));
  }
});
