/** The calls of core.ts that only pass to the server: registration steps, people, approvals. */
import type { Core, PeopleQuery } from "./core.ts";
import { ConversationCalls } from "./conversation_calls.ts";
import type { Api } from "./transport/api.ts";
import type { Language } from "./wire.ts";

export abstract class PeopleCalls extends ConversationCalls {
  protected abstract readonly api: Api;

  requestCode(number: string, language: Language): ReturnType<Core["requestCode"]> {
    return this.api.requestCode({ number, language });
  }

  submitCode(challengeId: string, code: string): ReturnType<Core["submitCode"]> {
    return this.api.submitCode({ challengeId, code });
  }

  submitEnrolmentCode(ticket: string, enrolmentCode: string): ReturnType<Core["submitCode"]> {
    return this.api.submitEnrolmentCode({ ticket, enrolmentCode });
  }

  checkRegistration(ticket: string): ReturnType<Core["submitCode"]> {
    return this.api.checkRegistration({ ticket });
  }

  async directory(): ReturnType<Core["directory"]> {
    return (await this.peopleCache()).directory();
  }

  async people(query: PeopleQuery): ReturnType<Core["people"]> {
    return (await this.peopleCache()).search(query);
  }

  async person(personId: string): ReturnType<Core["person"]> {
    return (await this.peopleCache()).person(personId);
  }

  async approvals(): ReturnType<Core["approvals"]> {
    await this.device();
    return (await this.api.approvals()).approvals;
  }

  async decideApproval(approvalId: string, approve: boolean): Promise<void> {
    await this.device();
    await this.api.decideApproval(approvalId, { approve });
    (await this.device()).context.emit({ type: "approvals" });
  }
}
