/** `training` of the scripted core: one course of one lesson, done once it was done. */
import type { ConnectedCore, Core, LessonBlock, TrainingView } from "@copconnect/client/core";
import type { LessonId } from "@copconnect/client/wire";

const LESSON = "officer.scripted" as LessonId;
const SCREENS: readonly (readonly LessonBlock[])[] = [
  [
    {
      type: "paragraph",
      line: [{ text: "Write what belongs to duty.", bold: false, italic: false }],
    },
  ],
  [
    {
      type: "quiz",
      question: "What belongs here?",
      options: [
        { text: "Duty", right: true, why: "Right." },
        { text: "Greetings", right: false, why: "No." },
      ],
    },
  ],
];

export function scriptedTraining(
  emit: (event: Parameters<Parameters<ConnectedCore["subscribe"]>[0]>[0]) => void,
): Core["training"] {
  let doneMs: number | null = null;
  const view = (): TrainingView => ({
    courses: [
      {
        id: "officer",
        lessons: [
          {
            ...{ id: LESSON, title: "What this app is for", minutes: 2, version: 1 },
            ...{ doneMs, changed: false, kept: true },
          },
        ],
        done: doneMs === null ? 0 : 1,
        completedMs: doneMs,
        certificateReady: doneMs !== null,
      },
    ],
    closedFrom: doneMs === null ? 100 : null,
    waiting: 0,
    remind: false,
  });
  const lesson = {
    ...{ id: LESSON, audience: "officer", title: "What this app is for", minutes: 2, version: 1 },
    ...{ language: "en", practice: null, screens: SCREENS },
  };
  return ((method: string): Promise<unknown> => {
    if (method === "lesson") return Promise.resolve(lesson);
    if (method === "certificate") return Promise.resolve(new Uint8Array([37, 80, 68, 70]));
    if (method === "lessonDone") {
      doneMs = Date.now();
      emit({ type: "training", view: view() });
    }
    return Promise.resolve(view());
  }) as Core["training"];
}
