/** Polls and questions of the scripted core: some colleagues have voted already. */
import type { MessageBody, MessageItem, Outgoing } from "@copconnect/client/core";
import type { ConversationId, MessageId } from "@copconnect/client/wire";
import { quoteOf } from "#practice/items.ts";
import { PEOPLE, plate } from "./organisation.ts";
import { ScriptedGuard } from "./guard.ts";

type Poll = Extract<MessageBody, { kind: "poll" }>;

function freshPoll(outgoing: Extract<Outgoing, { kind: "poll" }>): Poll {
  const people = PEOPLE.slice(1, 6).map(plate);
  const { anonymous } = outgoing;
  const options = outgoing.options.map((_, at) => {
    const chose = people.filter((_one, index) => index % outgoing.options.length === at);
    return { votes: chose.length, people: anonymous ? [] : chose };
  });
  const counted = anonymous ? people.length : null;
  const totals = anonymous ? "count" : null;
  return {
    ...outgoing,
    state: { options, voters: people.length, counted, own: [], mine: true, shut: null, totals },
  };
}

function voted(body: Poll, choices: readonly number[]): Poll {
  const { state } = body;
  const before = state.own ?? [];
  const options = state.options.map(({ votes, people }, at) => {
    const change = Number(choices.includes(at)) - Number(before.includes(at));
    return { votes: votes === null ? null : votes + change, people };
  });
  const voters = state.voters + Number(choices.length > 0) - Number(before.length > 0);
  return { ...body, state: { ...state, options, voters, own: choices } };
}

export abstract class ScriptedConsultation extends ScriptedGuard {
  #quick: readonly string[] | null = null;

  protected override bodyOf(outgoing: Outgoing): MessageBody {
    return outgoing.kind === "poll" ? freshPoll(outgoing) : super.bodyOf(outgoing);
  }
  #amend(
    conversationId: ConversationId,
    messageId: MessageId,
    change: (body: MessageBody) => MessageBody,
  ): void {
    const talk = this.talk(conversationId);
    const message = this.message({ conversationId, messageId });
    const body = change(message.body);
    const accepted = body.kind === "question" ? body.state.answerId : null;
    const answer = talk.messages.find((one) => one.messageId === accepted);
    this.put(talk, { ...message, body, answer: answer === undefined ? null : quoteOf(answer) });
  }

  readonly consultation = {
    vote: (at: ConversationId, messageId: MessageId, choices: readonly number[]): Promise<void> => {
      this.#amend(at, messageId, (body) => (body.kind === "poll" ? voted(body, choices) : body));
      return Promise.resolve();
    },
    acceptAnswer: (
      at: ConversationId,
      questionId: MessageId,
      answerId: MessageId | null,
    ): Promise<void> => {
      this.#amend(at, questionId, (body) =>
        body.kind === "question" ? { ...body, state: { ...body.state, answerId } } : body,
      );
      return Promise.resolve();
    },
    quickReplies: (): Promise<readonly string[] | null> => {
      return Promise.resolve(this.#quick);
    },
    setQuickReplies: (texts: readonly string[] | null): Promise<void> => {
      this.#quick = texts;
      return Promise.resolve();
    },
    questions: async (conversationId: ConversationId): Promise<readonly MessageItem[]> => {
      return this.talk(conversationId)
        .messages.filter(({ body }) => body.kind === "question")
        .reverse();
    },
    closePoll: (at: ConversationId, messageId: MessageId): Promise<void> => {
      this.#amend(at, messageId, (body) => {
        return body.kind === "poll" ? { ...body, state: { ...body.state, shut: "closed" } } : body;
      });
      return Promise.resolve();
    },
  };
}
