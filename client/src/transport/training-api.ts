/** The server's routes of training, typed (docs/protocol.md, "Routes"). One method for each; no state. */
import type { LessonId } from "../ids.ts";
import type { Bytes } from "../octets.ts";
import type * as wire from "../wire.ts";
import type { Http } from "./http.ts";

/** A certificate is typeset; a list of the whole force is written. */
const FILE_TIMEOUT_MS = 120_000;

export class TrainingApi {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  training(language: wire.Language): Promise<wire.Training> {
    return this.#get("/v1/training", { language });
  }

  lesson(id: LessonId, language: wire.Language): Promise<wire.LessonPage> {
    return this.#get(`/v1/training/lessons/${id}`, { language });
  }

  /** Idempotent. */
  done(body: wire.PostLessonsDone, language: wire.Language): Promise<wire.Training> {
    const path = `/v1/training/done?language=${language}`;
    return this.#http.call({ method: "POST", path, body });
  }

  certificate(course: wire.CourseName, language: wire.Language): Promise<Bytes> {
    return this.#file("/v1/training/certificate", { course, language });
  }

  // For the console.
  progress(course: wire.CourseName, path: string): Promise<wire.TrainingProgress> {
    return this.#get("/v1/admin/training", { course, path });
  }

  untrained(course: wire.CourseName, path: string, after: string | null): Promise<wire.Untrained> {
    return this.#get("/v1/admin/training/people", { course, path, after: after ?? "" });
  }

  untrainedFile(course: wire.CourseName, path: string, language: wire.Language): Promise<Bytes> {
    return this.#file("/v1/admin/training/people.xlsx", { course, path, language });
  }

  remind(body: wire.RemindOfTraining): Promise<wire.TrainingReminded> {
    return this.#http.call({ method: "POST", path: "/v1/admin/training/reminders", body });
  }

  lessons(): Promise<wire.LessonStates> {
    return this.#get("/v1/admin/training/lessons", {});
  }

  writtenLesson(id: LessonId): Promise<wire.WrittenLesson> {
    return this.#get(`/v1/admin/training/lessons/${id}`, {});
  }

  keepPicture(body: wire.PostLessonPicture): Promise<wire.LessonPictureKept> {
    return this.#http.call({ method: "POST", path: "/v1/admin/training/pictures", body });
  }

  preview(body: wire.PreviewLesson): Promise<wire.LessonPreview> {
    return this.#http.call({ method: "POST", path: "/v1/admin/training/previews", body });
  }

  #get<T>(path: string, asked: Readonly<Record<string, string>>): Promise<T> {
    return this.#http.call({ method: "GET", path: withQuery(path, asked) });
  }

  async #file(path: string, asked: Readonly<Record<string, string>>): Promise<Bytes> {
    const call = {
      method: "GET",
      path: withQuery(path, asked),
      timeoutMs: FILE_TIMEOUT_MS,
    } as const;
    return (await this.#http.send(call)).bytes;
  }
}

function withQuery(path: string, asked: Readonly<Record<string, string>>): string {
  const given = Object.entries(asked).filter(([, value]) => value !== "");
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given).toString()}`;
}
