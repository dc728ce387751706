/** The device keeps lessons, and reports each completed lesson until the server has stored it. */
import { expect, test, vi } from "vitest";
import type { CoreEvent } from "../seam.ts";
import { failure, hasCode } from "../failure.ts";
import type { LessonId } from "../ids.ts";
import type { Lesson } from "../seam/training.ts";
import type { Change } from "../vault/vault.ts";
import type { Language, LessonPage, SubmitLessonsDone, Training as Told } from "../wire.ts";
import { Training, isClosed } from "./training.ts";

const IDS = ["officer.one", "officer.two", "officer.three"] as LessonId[];

const ANSWERS = [{ question: 0, option: 1 }];

function passed(id: LessonId): Pick<Lesson, "id" | "version" | "language"> {
  return { id, version: 1, language: "te" };
}

/** A server with one course, a vault, and a network that can be cut. */
function world() {
  const rows = new Map<string, unknown>();
  const done = new Map<LessonId, number>();
  const posts: SubmitLessonsDone[] = [];
  const events: CoreEvent[] = [];
  const server = { online: true, version: 1, asked: 0, closed: 0, onAsked: (): void => undefined };
  const disk = {
    writes: 0,
    reads: true,
    free: Promise.resolve(),
    /** Let writes wait until the returned function is called. */
    hold: (): (() => void) => {
      let release = (): void => undefined;
      disk.free = new Promise((resolve) => (release = resolve));
      return release;
    },
  };
  const reach = (): void => {
    if (!server.online) throw failure("network", { retry: true });
  };
  const told = (): Told => ({
    courses: [
      {
        course: "officer",
        completedMs: done.size === IDS.length ? 7 : null,
        lessons: IDS.map((lessonId) => ({
          ...{ lessonId, title: lessonId, minutes: 2, version: server.version },
          digest: `${lessonId} ${String(server.version)}`,
          doneVersion: done.get(lessonId) ?? null,
          doneMs: done.has(lessonId) ? 5 : null,
        })),
      },
    ],
    closedFrom: done.size === IDS.length ? null : 100,
    remind: false,
  });
  const page = (lessonId: LessonId, language: Language): LessonPage => ({
    ...{ lessonId, course: "officer", title: `${lessonId} ${language}`, minutes: 2 },
    ...{ version: server.version, digest: `${lessonId} ${String(server.version)}`, language },
    ...{ practice: null, screens: [], asked: 0, needed: 0 },
  });
  const api = {
    training: async () => {
      await Promise.resolve();
      reach();
      server.onAsked();
      return told();
    },
    lesson: async (id: LessonId, { language }: { readonly language: Language }) => {
      await Promise.resolve();
      reach();
      server.asked += 1;
      return page(id, language);
    },
    lessonsDone: async (body: SubmitLessonsDone) => {
      await Promise.resolve();
      reach();
      posts.push(body);
      for (const one of body.lessons) done.set(one.lessonId, one.version);
      return told();
    },
  };
  const vault = {
    get: (store: string, key: string) => Promise.resolve(rows.get(`${store} ${key}`) ?? null),
    all: (store: string) => {
      if (!disk.reads) return Promise.reject(failure("storage_failed"));
      const own = [...rows].filter(([key]) => key.startsWith(`${store} `));
      return Promise.resolve(own.map(([, value]) => value));
    },
    write: async (changes: readonly Change[]) => {
      await disk.free;
      disk.writes += 1;
      for (const one of changes)
        if (one.op === "put") rows.set(`${one.store} ${one.key}`, one.value);
    },
  };
  const make = (): Training =>
    new Training({
      context: { vault, api, now: () => 1_000, emit: (event: CoreEvent) => events.push(event) },
      onClosed: () => (server.closed += 1),
    } as never);
  return { server, disk, make, posts, events };
}

test("lessons that could not be read are read with the next call", async () => {
  const { disk, make } = world();
  const training = make();
  disk.reads = false;
  await expect(training.courses("te")).rejects.toThrow("storage_failed");
  disk.reads = true;
  expect((await training.courses("te")).courses).toHaveLength(1);
});

test("a course is done without a network, out of order and twice, and told once it is back", async () => {
  const { server, make, posts } = world();
  const before = make();
  await before.courses("te", "now");
  await vi.waitFor(() => {
    expect(before.view().courses[0]?.lessons.every((one) => one.kept)).toBe(true);
  });
  server.online = false;
  // Another start of the app, in a tunnel.
  const training = make();
  expect((await training.courses("te")).courses[0]?.done).toBe(0);
  const lesson = await training.lesson("officer.two" as LessonId, "te");
  expect(lesson.title).toBe("officer.two te");
  for (const id of [...IDS, "officer.one" as LessonId].reverse())
    await training.lessonDone(passed(id), ANSWERS);
  const view = training.view();
  expect([view.courses[0]?.done, view.waiting, view.closedFrom]).toEqual([3, 3, 100]);
  expect(view.courses[0]?.certificateReady).toBe(false);
  expect(posts).toEqual([]);
  // The app ends, and starts where there is a network.
  server.online = true;
  const later = make();
  await later.onReady();
  expect(posts.flatMap(({ lessons }) => lessons.map((one) => one.lessonId)).sort()).toEqual(
    [...IDS].sort(),
  );
  expect(posts[0]?.lessons[0]).toEqual({
    ...{ lessonId: "officer.three", version: 1, language: "te", answers: ANSWERS },
  });
  const after = later.view();
  expect([after.waiting, after.closedFrom, after.courses[0]?.completedMs]).toEqual([0, null, 7]);
  expect(server.closed).toBeGreaterThan(0);
});

test("a practice stays done on this device, whatever the server answers", async () => {
  const { make, posts } = world();
  const training = make();
  await training.courses("en");
  await training.practiceDone("guard");
  await training.practiceDone("guard");
  await training.ask();
  expect(training.view().practised).toEqual(["guard"]);
  expect((await make().courses("en")).practised).toEqual(["guard"]);
  expect(posts).toEqual([]);
});

test("a changed lesson is fetched again and shown as changed; the former one serves meanwhile", async () => {
  const { server, make } = world();
  const training = make();
  await training.courses("en", "now");
  await vi.waitFor(() => {
    expect(server.asked).toBe(IDS.length);
  });
  await training.lessonDone(passed("officer.one" as LessonId), ANSWERS);
  const asked = server.asked;
  await training.lesson("officer.one" as LessonId, "en");
  expect(server.asked).toBe(asked);
  server.version = 2;
  await training.courses("en", "now");
  await vi.waitFor(() => {
    expect(server.asked).toBe(asked + IDS.length);
  });
  const [one, two] = training.view().courses[0]?.lessons ?? [];
  expect([one?.changed, one?.doneMs !== null, two?.changed]).toEqual([true, true, false]);
  expect((await training.lesson("officer.one" as LessonId, "en")).version).toBe(2);
  server.online = false;
  const unknown = await training
    .lesson("officer.one" as LessonId, "ur")
    .catch((error: unknown) => error);
  expect(hasCode(unknown, "network")).toBe(true);
});

test("only groups of as many members are closed, and only before the course", () => {
  expect(isClosed(100, { members: 100 })).toBe(true);
  expect(isClosed(100, { members: 99 })).toBe(false);
  expect(isClosed(null, { members: 60_000 })).toBe(false);
});

test("a lesson done while the server's answer is stored waits to be reported", async () => {
  const { server, make, disk } = world();
  const training = make();
  await training.courses("en");
  const stored = disk.hold();
  const done = training.lessonDone(passed("officer.one" as LessonId), ANSWERS);
  const asked = vi.fn();
  server.onAsked = asked;
  await training.courses("en");
  await vi.waitFor(() => {
    expect(asked).toHaveBeenCalled();
  });
  server.online = false;
  stored();
  await done;
  await vi.waitFor(() => {
    expect(disk.writes).toBeGreaterThanOrEqual(3);
  });
  expect(training.view().waiting).toBe(1);
  expect((await make().courses("en")).waiting).toBe(1);
});

test("an app that opens asks for the courses alone; lessons come within a quarter of an hour", async () => {
  vi.useFakeTimers();
  try {
    const { server, make } = world();
    const training = make();
    await training.onReady();
    await training.courses("en");
    expect([training.view().courses.length, server.asked]).toEqual([1, 0]);
    await vi.advanceTimersByTimeAsync(15 * 60_000);
    expect(server.asked).toBe(IDS.length);
    expect(training.view().courses[0]?.lessons.every((one) => one.kept)).toBe(true);
  } finally {
    vi.useRealTimers();
  }
});

test("an answer that comes when the app is locked and unlocked again takes no done lesson away", async () => {
  const { server, make } = world();
  const training = make();
  await training.courses("en");
  server.online = false;
  await training.lessonDone(passed("officer.one" as LessonId), ANSWERS);
  await training.practiceDone("guard");
  server.online = true;
  server.onAsked = () => {
    server.onAsked = () => undefined;
    training.reset();
  };
  await training.ask().catch(() => undefined);
  server.online = false;
  const view = await training.courses("en");
  expect([view.waiting, view.practised]).toEqual([1, ["guard"]]);
});
