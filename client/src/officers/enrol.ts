/**
 * Registering a simulated officer the way a person does: number, one-time code, device, code of
 * conduct, the officer course. The code is read from the demo's outbox, which exists there only.
 */
import type { LocalCore } from "../create.ts";
import { hasCode } from "../failure.ts";
import { pause } from "../transport/backoff.ts";

const CODE = /\b\d{6}\b/;
const CODE_LIMIT_MS = 15_000;
const ONLINE_LIMIT_MS = 30_000;

interface Text {
  readonly text: string;
}

async function newest(origin: string, number: string): Promise<string | null> {
  const answer = await fetch(`${origin}/v1/demo/outbox?number=${encodeURIComponent(number)}`);
  if (!answer.ok) throw new Error("This server has no SMS outbox: it is not a demo.");
  const texts = (await answer.json()) as readonly Text[];
  return texts.length === 0 ? null : JSON.stringify(texts[0]);
}

/** Ask for a code; two in a row for one number must be some time apart. */
async function requested(
  core: LocalCore,
  number: string,
): ReturnType<LocalCore["registration"]["requestCode"]> {
  for (let tries = 0; ; tries++) {
    try {
      return await core.registration.requestCode(number, "en");
    } catch (error) {
      if (!hasCode(error, "rate_limited") || tries === 5) throw error;
      await pause((error.retryAfterMs ?? 1_000) + 100);
    }
  }
}

/** Take a core to `ready` and online: from nothing, or from where it was when its process ended. */
export async function enrol(
  core: LocalCore,
  origin: string,
  number: string,
  label: string,
  enrolmentCode?: string,
): Promise<void> {
  const { phase } = await core.app.start();
  if (phase === "register") await register(core, origin, number, label, enrolmentCode);
  if ((await core.app.state()).phase === "conduct") {
    const { version } = await core.conduct.code("en");
    await core.app.acceptConduct(version, "en");
  }
  await online(core);
  await learn(core);
}

async function online(core: LocalCore): Promise<void> {
  const deadline = Date.now() + ONLINE_LIMIT_MS;
  for (;;) {
    const { phase, reason, connection } = await core.app.state();
    if (phase !== "ready") throw new Error(`is ${phase} (${String(reason)})`);
    if (connection === "online") return;
    if (Date.now() > deadline) throw new Error("does not come online");
    await pause(50);
  }
}

async function register(
  core: LocalCore,
  origin: string,
  number: string,
  label: string,
  enrolmentCode: string | undefined,
): Promise<void> {
  const before = await newest(origin, number);
  const { challengeId } = await requested(core, number);
  const deadline = Date.now() + CODE_LIMIT_MS;
  let code: string | null = null;
  while (code === null) {
    if (Date.now() > deadline) throw new Error("gets no code");
    await pause(50);
    const text = await newest(origin, number);
    if (text !== before && text !== null) code = CODE.exec(text)?.[0] ?? null;
  }
  let step = await core.registration.submitCode(challengeId, code);
  if (step.next === "enrolment_code" && enrolmentCode !== undefined) {
    step = await core.registration.submitEnrolmentCode(step.ticket, enrolmentCode);
  }
  if (step.next !== "device") throw new Error(`needs ${step.next} to register`);
  await core.app.register(step.ticket, label);
}

/** Do the officer course, without which large groups are closed. */
async function learn(core: LocalCore): Promise<void> {
  const { courses } = await core.training.courses("en");
  const lessons = courses.find((one) => one.id === "officer")?.lessons ?? [];
  for (const { id } of lessons.filter(({ doneMs, changed }) => doneMs === null || changed)) {
    const lesson = await core.training.lesson(id, "en");
    const quizzes = lesson.screens.flat().filter((block) => block.type === "quiz");
    const answers = quizzes.slice(0, lesson.asked).map(({ options }, question) => ({
      question,
      option: options.findIndex(({ right }) => right),
    }));
    await core.training.lessonDone(lesson, answers);
  }
}
