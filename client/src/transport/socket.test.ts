/** The socket's reports on the network, against sockets that do what a test tells them. */
import { encode } from "@msgpack/msgpack";
import { afterEach, describe, expect, it, vi } from "vitest";
import { CLOSE_REPLACED, CLOSE_TOO_MANY_FRAMES } from "../wire.ts";
import { Socket, type WebSocketLike, type WebSocketMaker } from "./socket.ts";

class Told implements WebSocketLike {
  static all: Told[] = [];
  binaryType = "";
  readonly readyState = 1;
  readonly bufferedAmount = 0;
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: never) => void) | null = null;
  onclose: ((event: never) => void) | null = null;
  onerror: ((event: never) => void) | null = null;

  constructor() {
    Told.all.push(this);
  }
  send(): void {
    // Nobody listens.
  }
  close(): void {
    // The socket under test has let go of it.
  }
  ready(): void {
    const ready = encode({ t: "ready", serverTimeMs: 0, conversations: [] });
    this.onmessage?.({ data: ready.slice().buffer } as never);
  }
  fail(code = 1006): void {
    this.onclose?.({ code } as never);
  }
}

const running: Socket[] = [];
afterEach(() => {
  for (const socket of running.splice(0)) socket.stop();
  Told.all = [];
});

async function opened(count: number): Promise<Told> {
  await expect.poll(() => Told.all.length, { timeout: 10_000 }).toBe(count);
  return Told.all[count - 1] as Told;
}

function start(): { socket: Socket; states: string[] } {
  const states: string[] = [];
  const socket = new Socket({
    url: "ws://test/v1/socket",
    WebSocket: Told as unknown as WebSocketMaker,
    random: () => 0,
    token: () => Promise.resolve("token"),
    onState: (state) => {
      if (states.at(-1) !== state) states.push(state);
    },
    positions: () => [],
    onEvent: () => Promise.resolve(),
    onRefused: () => undefined,
    onOutdated: () => undefined,
  });
  running.push(socket);
  socket.start();
  return { socket, states };
}

describe("Socket", () => {
  it("stays offline while its tries fail, and says nothing until one succeeds", async () => {
    const { states } = start();
    (await opened(1)).ready();
    (await opened(1)).fail();
    (await opened(2)).fail();
    (await opened(3)).ready();
    await expect.poll(() => states.at(-1)).toBe("online");
    expect(states).toEqual(["connecting", "online", "offline", "online"]);
  });

  it("gives up a connection that looks open when the device loses its network", async () => {
    const { socket, states } = start();
    (await opened(1)).ready();
    socket.drop();
    await expect.poll(() => states.at(-1)).toBe("offline");
    (await opened(2)).ready();
    await expect.poll(() => states.at(-1)).toBe("online");
  });

  it.each([
    ["does not fight for the place of a connection that replaced it", CLOSE_REPLACED],
    ["stays away for a while after it sent too many frames", CLOSE_TOO_MANY_FRAMES],
  ])("%s", async (_, code) => {
    vi.useFakeTimers();
    try {
      start();
      await vi.advanceTimersByTimeAsync(0);
      Told.all[0]?.ready();
      Told.all[0]?.fail(code);
      await vi.advanceTimersByTimeAsync(14_000);
      expect(Told.all).toHaveLength(1);
      await vi.advanceTimersByTimeAsync(16_000);
      expect(Told.all).toHaveLength(2);
    } finally {
      vi.useRealTimers();
    }
  });

  it("tries at once when the network is back", async () => {
    const { socket } = start();
    // With their waits these tries would take 16 s.
    for (let count = 1; count <= 6; count++) {
      (await opened(count)).fail();
      await new Promise((resolve) => setTimeout(resolve, 0));
      socket.nudge();
    }
    await opened(7);
  });
});
