/** Training of the scripted core: two courses on the phone; progress and lessons for the console. */
import type {
  Core,
  CourseName,
  Lesson,
  LessonBlock,
  LessonItem,
  Practice,
  TrainingView,
  CoreEvent,
} from "@copconnect/client/core";
import type {
  Language,
  LessonId,
  LessonPreview,
  LessonState,
  PreviewLesson,
  TrainingProgress,
  TrainingReminded,
  UnitTraining,
  Untrained,
  WrittenLesson,
} from "@copconnect/client/wire";
import { refusal } from "#practice/items.ts";
import { PEOPLE, UNITS, seeded } from "../organisation.ts";

const TITLES: readonly (readonly [CourseName, Language, string, Practice | null])[] = [
  ["officer", "en", "What this app is for", null],
  ["officer", "en", "The first message", "message"],
  ["officer", "te", "మీ స్టేషన్ గ్రూపులు, పాత్రలు", "group"],
  ["officer", "ur", "احکامات اور ان کی تصدیق", "order"],
  ["officer", "en", "Conduct, greetings and forwards", "guard"],
  ["officer", "hi", "खोया फ़ोन, लॉक, दूसरा उपकरण", null],
  ["officer", "en", "No network, night duty, saving data", "place"],
  ["head", "en", "Issuing an order", null],
  ["head", "en", "Overseeing an order", null],
];
const lessonId = (at: number): LessonId => `${TITLES[at]?.[0]}.${at + 1}0-scripted` as LessonId;

const span = (text: string, bold = false) => ({ text, bold, italic: false });

function screensOf(title: string): readonly (readonly LessonBlock[])[] {
  return [
    [
      { type: "heading", level: 2, line: [span(title)] },
      {
        type: "paragraph",
        line: [
          span("Your phone locks every message before it leaves, and "),
          span("only the phones of the members", true),
          span(" can open it. The server stores what it cannot read."),
        ],
      },
      {
        type: "list",
        ordered: false,
        items: [
          [span("Write here what belongs to duty: incidents, bandobast, orders, questions.")],
          [span("Greetings, forwards and private talk stay elsewhere.")],
        ],
      },
    ],
    [
      {
        type: "quiz",
        question: "Who can read a message that you write in your station's group?",
        options: [
          {
            ...{ text: "Everybody in the department", right: false },
            why: "Somebody who is not a member cannot open a single message of it.",
          },
          {
            ...{ text: "The people who are members of the group", right: true },
            why: "The phones of the members have the key, and no others.",
          },
          {
            ...{ text: "The members and the administrators of the server", right: false },
            why: "The server passes messages on and stores them locked.",
          },
        ],
      },
    ],
  ];
}

function share(path: string, people: number): UnitTraining {
  const random = seeded(path.length * 31 + people);
  const done = Math.round(people * (0.3 + 0.65 * random()));
  return { path, people, done, begun: Math.min(people, done + Math.round(people * 0.1)) };
}

type Training = Core["training"];

export class ScriptedTraining implements Training {
  readonly #emit: (event: CoreEvent) => void;
  readonly #done = new Map<LessonId, number>();

  /** `done`: lessons that this person has done already. */
  constructor(emit: (event: CoreEvent) => void, done: number) {
    this.#emit = emit;
    for (let at = 0; at < done; at += 1) this.#done.set(lessonId(at), Date.now() - 86_400_000);
  }

  #items(course: CourseName): readonly LessonItem[] {
    return TITLES.flatMap(([name, , title], at) => {
      if (name !== course) return [];
      const id = lessonId(at);
      const doneMs = this.#done.get(id) ?? null;
      return [{ id, title, minutes: 3, version: 1, doneMs, changed: false, kept: at < 3 }];
    });
  }
  async courses(): Promise<TrainingView> {
    const courses = (["officer", "head"] as const).map((id) => {
      const lessons = this.#items(id);
      const done = lessons.filter(({ doneMs }) => doneMs !== null).length;
      const whole = done === lessons.length;
      const completedMs = whole ? Date.now() : null;
      return { id, lessons, done, completedMs, certificateReady: whole };
    });
    const open = courses[0]?.completedMs !== null;
    return { courses, closedFrom: open ? null : 100, waiting: 0, remind: !open };
  }
  async lesson(id: LessonId, language: Language): Promise<Lesson> {
    const at = TITLES.findIndex((_, number) => lessonId(number) === id);
    const [audience, , title, practice] = TITLES[at] ?? [];
    if (audience === undefined || title === undefined) throw refusal("not_found");
    const about = { id, audience, title, minutes: 3, version: 1, language };
    return { ...about, practice: practice ?? null, screens: screensOf(title) };
  }
  async lessonDone(id: LessonId): Promise<TrainingView> {
    this.#done.set(id, Date.now());
    const view = await this.courses();
    this.#emit({ type: "training", view });
    return view;
  }
  async certificate(): Promise<Uint8Array<ArrayBuffer>> {
    return new TextEncoder().encode("%PDF-1.7");
  }

  async progress(course: CourseName, path: string): Promise<TrainingProgress> {
    const unitId = path.split("/").at(-1) ?? "";
    const below = UNITS.filter(({ parentId }) => parentId === unitId);
    const units = below.map((unit, at) => share(`${path}/${unit.unitId}`, 900 + 977 * (at % 7)));
    const own = share(path, 41);
    const sum = (of: "people" | "done" | "begun"): number =>
      [own, ...units].reduce((all, one) => all + one[of], 0);
    const total = { path, people: sum("people"), done: sum("done"), begun: sum("begun") };
    return { course, total, own, units };
  }
  async untrained(_: CourseName, __: string, after: string | null): Promise<Untrained> {
    const from = Number(after ?? 0);
    const people = PEOPLE.slice(from, from + 60).map((person, at) => ({ person, done: at % 5 }));
    return { people, next: from + 60 < PEOPLE.length ? String(from + 60) : null };
  }
  async remindOfTraining(): Promise<TrainingReminded> {
    return { people: 4_211, recent: 630 };
  }
  async untrainedFile(): Promise<Uint8Array<ArrayBuffer>> {
    return new Uint8Array([80, 75]);
  }
  async lessons(): Promise<readonly LessonState[]> {
    return TITLES.map(([course, , title], at) => ({
      lessonId: lessonId(at),
      course,
      place: (at + 1) * 10,
      titles:
        at === 4
          ? ({ en: title } as Record<string, string>)
          : { en: title, te: "పాఠం", ur: "سبق", hi: "पाठ" },
      version: 1,
      missing: at === 4 ? (["te", "ur", "hi"] as const).slice() : [],
      source: at === 4 ? "console" : "built_in",
      problems:
        at === 5
          ? [
              {
                ...{ language: "te", line: 12, code: "quiz_right" },
                ...{ detail: "no option is right", serious: true },
              },
            ]
          : [],
    }));
  }
  async writtenLesson(): Promise<WrittenLesson> {
    const text = "---\ntitle: What this app is for\nminutes: 3\nversion: 1\n---\n\nWrite duty.\n";
    return { texts: { en: text, te: text, ur: "", hi: "" }, pictures: [] };
  }
  async keepLessonPicture(): Promise<string> {
    return "0".repeat(64);
  }
  async previewLesson({ lessonId: id, language, text }: PreviewLesson): Promise<LessonPreview> {
    if (text.includes("broken"))
      return {
        lesson: null,
        problems: [
          { language, line: 8, code: "quiz_right", detail: "no option is right", serious: true },
        ],
      };
    const screens = screensOf(text.split("\n")[1]?.replace("title: ", "") ?? "");
    return {
      problems: [],
      lesson: {
        ...{ lessonId: id, course: "officer", title: "What this app is for", minutes: 3 },
        ...{ version: 2, digest: "", language, practice: null },
        screens: screens as unknown as NonNullable<LessonPreview["lesson"]>["screens"],
      },
    };
  }
}
