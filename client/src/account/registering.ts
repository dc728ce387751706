/** `core.registration`: the steps before this device has an account, in order. */
import type { ChallengeId } from "../ids.ts";
import type { Api } from "../transport/api.ts";
import type { CodeRequested, Language, RegistrationStep } from "../wire.ts";

export class RegistrationCalls {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  /** docs/walks/registration.md follows a registration from here to the end of its token. */
  requestCode(number: string, language: Language): Promise<CodeRequested> {
    return this.#api.requestCode({ number, language });
  }

  submitCode(challengeId: ChallengeId, code: string): Promise<RegistrationStep> {
    return this.#api.submitCode({ challengeId, code });
  }

  submitEnrolmentCode(ticket: string, enrolmentCode: string): Promise<RegistrationStep> {
    return this.#api.submitEnrolmentCode({ ticket, enrolmentCode });
  }

  /** In place of a text, after `requestCode` was refused with "texts_used_up". */
  registerWithoutText(number: string, enrolmentCode: string): Promise<RegistrationStep> {
    return this.#api.registerWithoutText({ number, enrolmentCode });
  }

  check(ticket: string): Promise<RegistrationStep> {
    return this.#api.checkRegistration({ ticket });
  }
}
