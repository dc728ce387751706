/** Polls and questions of the scripted core: some colleagues have voted already. */
import type {
  LivePlace,
  LiveShare,
  LiveStart,
  MessageBody,
  MessageItem,
  Outgoing,
  ReplyQuote,
} from "@copconnect/client/core";
import type { ConversationId, MessageId } from "@copconnect/client/wire";
import { PEOPLE } from "./organisation.ts";
import { plate } from "./plates.ts";
import { quoteOf } from "./talk.ts";
import { ScriptedGuard } from "./guard.ts";

type Poll = Extract<MessageBody, { kind: "poll" }>;

export function consulting(
  outgoing: Extract<Outgoing, { kind: "poll" | "question" | "live" }>,
): MessageBody {
  if (outgoing.kind === "poll") return freshPoll(outgoing);
  if (outgoing.kind === "live")
    return { ...outgoing, state: { running: true, untilMs: outgoing.untilMs, here: true } };
  return { ...outgoing, state: { mine: true, answerId: null } };
}

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

/** The reply that is the accepted answer to a question. */
export function acceptedIn(body: MessageBody, messages: readonly MessageItem[]): ReplyQuote | null {
  const accepted = body.kind === "question" ? body.state.answerId : null;
  const answer = messages.find(({ messageId }) => messageId === accepted);
  return answer === undefined ? null : quoteOf(answer);
}

export abstract class ScriptedConsultation extends ScriptedGuard {
  #live: readonly (LiveShare & LivePlace)[] = [];
  #quick: readonly string[] | null = null;
  protected abstract amend(messageId: MessageId, change: (body: MessageBody) => MessageBody): void;

  readonly consultation = {
    vote: (_: ConversationId, messageId: MessageId, choices: readonly number[]): Promise<void> => {
      this.amend(messageId, (body) => (body.kind === "poll" ? voted(body, choices) : body));
      return Promise.resolve();
    },
    acceptAnswer: (
      _: ConversationId,
      questionId: MessageId,
      answerId: MessageId | null,
    ): Promise<void> => {
      this.amend(questionId, (body) =>
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
      const { messages } = await this.messages.page(conversationId, null, 200);
      return messages.filter(({ body }) => body.kind === "question").reverse();
    },
    closePoll: (_: ConversationId, messageId: MessageId): Promise<void> => {
      this.amend(messageId, (body) => {
        return body.kind === "poll" ? { ...body, state: { ...body.state, shut: "closed" } } : body;
      });
      return Promise.resolve();
    },
  };

  readonly live = {
    /** This officer never moves: the place where a share begins stays its place. */
    share: async (
      conversationId: ConversationId,
      place: LiveStart,
      forMs: number,
    ): Promise<MessageItem> => {
      const untilMs = Date.now() + forMs;
      const item = await this.messages.send(
        conversationId,
        { kind: "live", untilMs, ...place },
        null,
      );
      const { messageId } = item;
      this.#live = [
        { conversationId, messageId, untilMs, ...place, mine: true, sender: item.sender },
      ];
      this.emit({ type: "live", shares: this.#live });
      return item;
    },
    stop: (): Promise<void> => {
      this.#live = [];
      this.emit({ type: "live", shares: [] });
      return Promise.resolve();
    },
    shares: (): Promise<readonly LiveShare[]> => {
      return Promise.resolve(this.#live);
    },
    move: (): Promise<readonly LiveShare[]> => {
      return Promise.resolve(this.#live);
    },
    places: (): Promise<readonly LivePlace[]> => {
      return Promise.resolve(this.#live);
    },
  };
}
