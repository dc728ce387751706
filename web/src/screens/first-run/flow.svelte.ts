/**
 * The five steps from nothing to being in. The step is derived from what has happened, so that none
 * can be skipped; a ticket (the right to finish a registration, for minutes) survives a reload in
 * sessionStorage, because finding the letter with an enrolment code can outlast a tab.
 */
import type { CoreError } from "@copconnect/client/core";
import type { CodeRequested, RegistrationStep } from "@copconnect/client/wire";
import { adopt, app, firstRun } from "#app/state/app.svelte.ts";
import { appearance, chooseLanguage } from "#app/state/appearance.svelte.ts";
import { core, coreError } from "#app/core.ts";
import { language } from "#i18n/index.svelte.ts";
import { deviceLabel } from "./device-label.ts";

export type Stage =
  | "language"
  | "number"
  | "code"
  | "without_text"
  | "enrolment_code"
  | "refused"
  | "device"
  | "conduct"
  | "done";

/** Which of the five dots a stage belongs to. */
export const STEP_OF: Readonly<Record<Stage, number>> = {
  language: 1,
  number: 2,
  code: 3,
  without_text: 3,
  enrolment_code: 3,
  refused: 3,
  device: 3,
  conduct: 4,
  done: 5,
};

const KEPT = "copconnect.registration";

interface StoredRegistration {
  readonly step: RegistrationStep;
  readonly untilMs: number;
}

function kept(): RegistrationStep | null {
  try {
    const text = sessionStorage.getItem(KEPT);
    if (text === null) return null;
    const found = JSON.parse(text) as StoredRegistration;
    return found.untilMs > Date.now() ? found.step : null;
  } catch {
    return null;
  }
}

function keep(step: RegistrationStep | null): void {
  try {
    if (step === null) sessionStorage.removeItem(KEPT);
    else {
      const value: StoredRegistration = { step, untilMs: Date.now() + step.expiresInMs };
      sessionStorage.setItem(KEPT, JSON.stringify(value));
    }
  } catch {
    // Without storage a reload starts again with the number.
  }
}

export class Flow {
  #languageDone = $state(appearance.languageChosen);
  number = $state("");
  /** The code of conduct was accepted before and asks again: this is no first run. */
  again = $state(false);
  challenge = $state.raw<CodeRequested | null>(null);
  /** When the challenge was asked for: the wait before another counts from here. */
  askedMs = $state(0);
  /** The refusal of another text today: an enrolment code registers instead. */
  textsUsedUp = $state.raw<CoreError | null>(null);
  #step = $state.raw<RegistrationStep | null>(kept());

  get stage(): Stage {
    if (app.state?.phase === "conduct") return "conduct";
    if (firstRun.showDone) return "done";
    if (this.#step !== null) return this.#step.next;
    if (!this.#languageDone) return "language";
    if (this.textsUsedUp !== null) return "without_text";
    return this.challenge === null ? "number" : "code";
  }

  chooseLanguage = async (next: typeof language.current): Promise<void> => {
    await chooseLanguage(next);
    this.#languageDone = true;
  };

  /** Back to the choice of language. */
  backToLanguage(): void {
    this.#languageDone = false;
  }

  async requestCode(number: string): Promise<void> {
    this.number = number;
    try {
      this.challenge = await core().registration.requestCode(number, language.current);
    } catch (error) {
      const refusal = coreError(error);
      if (refusal.code !== "texts_used_up") throw error;
      this.textsUsedUp = refusal;
      return;
    }
    this.askedMs = Date.now();
  }

  changeNumber(): void {
    this.challenge = null;
  }

  /** Back to the code of an earlier text, or to the number. */
  backToTexts(): void {
    this.textsUsedUp = null;
  }

  async submitCode(code: string): Promise<void> {
    if (this.challenge === null) return;
    this.#takeStep(await core().registration.submitCode(this.challenge.challengeId, code));
  }

  async submitEnrolmentCode(code: string): Promise<void> {
    if (this.#step !== null) {
      this.#takeStep(await core().registration.submitEnrolmentCode(this.#step.ticket, code));
    } else {
      this.#takeStep(await core().registration.registerWithoutText(this.number, code));
    }
  }

  /** Make this device's key and certificate; the phase that comes back shows the next step. */
  async register(): Promise<void> {
    if (this.#step === null) return;
    // The phase may be "conduct" before the call returns, and the person quick to accept.
    firstRun.started = true;
    const state = await core().app.register(this.#step.ticket, deviceLabel(navigator.userAgent));
    keep(null);
    this.#step = null;
    adopt(state);
  }

  async accept(version: number): Promise<void> {
    // The phase may be "ready" before the call returns.
    firstRun.showDone = firstRun.started && !this.again;
    try {
      adopt(await core().app.acceptConduct(version, language.current));
    } catch (error) {
      firstRun.showDone = false;
      throw error;
    }
  }

  startAgain(): void {
    keep(null);
    this.#step = null;
    this.challenge = null;
    this.textsUsedUp = null;
  }

  #takeStep(step: RegistrationStep): void {
    this.#step = step;
    keep(step);
  }
}
