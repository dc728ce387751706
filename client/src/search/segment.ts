/**
 * A segment: messages that were indexed together, and the words in them. Segments never change; several
 * become one, and a message is forgotten by writing its segment without it.
 *
 * `messages`: for each its conversation, order, minute, person and kinds. `words`: each folded word with
 * the numbers of its messages. `sounds`: each skeleton (people/sounds.ts) with the places of its words in
 * `words`, so that a word costs one entry there whatever its spellings. Making and merging are generators
 * that yield after small pieces of work. Pure.
 */
import { idOf, type ConversationId, type PersonId } from "../ids.ts";
import { fromHex, concat, type Bytes } from "../octets.ts";
import { skeletons } from "../people/sounds.ts";
import {
  ByteReader,
  ByteWriter,
  Dictionary,
  DictionaryCursor,
  DictionaryWriter,
  packed,
} from "./dictionary.ts";

const MINUTE_MS = 60_000;
const ID_BYTES = 16;
/** Pieces of work between two yields. */
const PIECES = 16;
/** Words with fewer letters are not listed by their sound. */
const HEARD_LETTERS = 3;
/** Skeletons that are remembered: most words of a message are frequent ones. */
const REMEMBERED = 20_000;

/** A message to be indexed. */
export interface IndexedMessage {
  readonly conversationId: ConversationId;
  readonly order: number;
  readonly sentMs: number;
  readonly personId: PersonId | null;
  /** A bit for each of its kinds (texts.ts). */
  readonly kinds: number;
  readonly words: ReadonlySet<string>;
}

/** A segment as the vault holds it. */
export interface SegmentRecord {
  readonly conversations: Bytes;
  readonly people: Bytes;
  readonly messages: Bytes;
  readonly words: Bytes;
  readonly sounds: Bytes;
}

/** A word that is searched for. */
export interface AskedWord {
  /** Packed. */
  readonly word: string;
  /** It is one letter: it begins no longer word. */
  readonly whole: boolean;
  /** Skeletons of at least two sounds. */
  readonly skeletons: readonly string[];
}

const remembered = new Map<string, readonly string[]>();

/** The packed skeletons of a word. */
export function skeletonsOf(word: string): readonly string[] {
  if (word.length < HEARD_LETTERS) return [];
  const known = remembered.get(word);
  if (known !== undefined) return known;
  if (remembered.size >= REMEMBERED) remembered.clear();
  const found = skeletons(word)
    .filter((one) => one.length > 1)
    .map(packed);
  remembered.set(word, found);
  return found;
}

function idsOf<I extends ConversationId | PersonId>(bytes: Uint8Array): readonly I[] {
  const count = bytes.length / ID_BYTES;
  return Array.from({ length: count }, (_, at) =>
    idOf<I>(bytes.subarray(at * ID_BYTES, (at + 1) * ID_BYTES)),
  );
}

export class Segment {
  readonly record: SegmentRecord;
  readonly conversations: readonly ConversationId[];
  readonly people: readonly PersonId[];
  readonly words: Dictionary;
  readonly sounds: Dictionary;
  readonly size: number;
  /** By message: the place of its conversation and its person, 0 for nobody. */
  readonly conversation: Uint16Array;
  readonly person: Uint16Array;
  readonly order: Float64Array;
  readonly minute: Float64Array;
  readonly kinds: Uint8Array;

  private constructor(record: SegmentRecord, words: Dictionary, sounds: Dictionary, size: number) {
    this.record = record;
    this.conversations = idsOf<ConversationId>(record.conversations);
    this.people = idsOf<PersonId>(record.people);
    this.words = words;
    this.sounds = sounds;
    this.size = size;
    this.conversation = new Uint16Array(size);
    this.person = new Uint16Array(size);
    this.order = new Float64Array(size);
    this.minute = new Float64Array(size);
    this.kinds = new Uint8Array(size);
  }

  static *open(record: SegmentRecord): Generator<void, Segment> {
    const words = yield* Dictionary.open(record.words);
    const sounds = yield* Dictionary.open(record.sounds);
    const reader = new ByteReader(record.messages);
    const opened = new Segment(record, words, sounds, reader.varint());
    const orders = new Float64Array(opened.conversations.length);
    let minute = 0;
    for (let at = 0; at < opened.size; at++) {
      const place = reader.varint();
      const order = (orders[place] ?? 0) + reader.signed();
      orders[place] = order;
      minute += reader.signed();
      opened.conversation[at] = place;
      opened.order[at] = order;
      opened.minute[at] = minute;
      opened.person[at] = reader.varint();
      opened.kinds[at] = reader.byte();
      if (at % PIECES === 0) yield;
    }
    return opened;
  }

  /** By message: 2 where the word is spelled so, 1 where one sounds so, 0 elsewhere. */
  find({ word, whole, skeletons: heard }: AskedWord): Uint8Array {
    const found = new Uint8Array(this.size);
    if (heard.length > 0) {
      const places = new Set<number>();
      for (const one of heard)
        this.sounds.find(one, one.length === 2, (place) => places.add(place));
      const rising = [...places].sort((a, b) => a - b);
      this.words.at(rising, (message) => (found[message] = 1));
    }
    this.words.find(word, whole, (message) => (found[message] = 2));
    return found;
  }
}

class MessagesWriter {
  readonly #out = new ByteWriter();
  readonly #conversations = new Map<ConversationId, number>();
  readonly #people = new Map<PersonId, number>();
  readonly #orders: number[] = [];
  #minute = 0;
  #size = 0;

  add(message: Omit<IndexedMessage, "words" | "sentMs">, minute: number): void {
    const { conversationId, order, personId, kinds } = message;
    const place = numberOf(this.#conversations, conversationId);
    this.#out.varint(place);
    this.#out.signed(order - (this.#orders[place] ?? 0));
    this.#orders[place] = order;
    this.#out.signed(minute - this.#minute);
    this.#minute = minute;
    this.#out.varint(personId === null ? 0 : numberOf(this.#people, personId) + 1);
    this.#out.byte(kinds);
    this.#size++;
  }

  done(): Pick<SegmentRecord, "conversations" | "people" | "messages"> {
    const size = new ByteWriter();
    size.varint(this.#size);
    return {
      conversations: concat(...[...this.#conversations.keys()].map(fromHex)),
      people: concat(...[...this.#people.keys()].map(fromHex)),
      messages: concat(size.done(), this.#out.done()),
    };
  }
}

function numberOf<T>(known: Map<T, number>, one: T): number {
  const number = known.get(one) ?? known.size;
  known.set(one, number);
  return number;
}

/** Make a segment of messages. */
export function* segmentOf(messages: readonly IndexedMessage[]): Generator<void, SegmentRecord> {
  const listed = new MessagesWriter();
  const inMessages = new Map<string, number[]>();
  for (const [number, message] of messages.entries()) {
    listed.add(message, Math.floor(message.sentMs / MINUTE_MS));
    for (const word of message.words) {
      const numbers = inMessages.get(word);
      if (numbers === undefined) inMessages.set(word, [number]);
      else numbers.push(number);
    }
    yield;
  }
  const inOrder = [...inMessages]
    .map(([word, numbers]) => ({ word, packed: packed(word), numbers }))
    .sort((a, b) => (a.packed < b.packed ? -1 : 1));
  const words = new DictionaryWriter();
  const heard = new Map<string, number[]>();
  for (const [place, { word, packed, numbers }] of inOrder.entries()) {
    words.add(packed, numbers);
    for (const skeleton of skeletonsOf(word)) {
      const places = heard.get(skeleton);
      if (places === undefined) heard.set(skeleton, [place]);
      else places.push(place);
    }
    if (place % PIECES === 0) yield;
  }
  const sounds = new DictionaryWriter();
  const rising = [...heard].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [skeleton, places] of rising) sounds.add(skeleton, places);
  return { ...listed.done(), words: words.done(), sounds: sounds.done() };
}

/**
 * Make one segment of several, the oldest first, without the messages that `forgotten` names. The
 * newest entry of a message counts: an edit gave it other words.
 */
export function* merged(
  segments: readonly Segment[],
  forgotten: (conversationId: ConversationId, order: number) => boolean,
): Generator<void, SegmentRecord> {
  const last = new Map<string, number>();
  for (const [of, segment] of segments.entries())
    for (let at = 0; at < segment.size; at++) {
      last.set(placeOf(segment, at), of);
      if (at % PIECES === 0) yield;
    }
  const listed = new MessagesWriter();
  const numbers: Int32Array[] = [];
  let count = 0;
  for (const [of, segment] of segments.entries()) {
    const renumbered = new Int32Array(segment.size).fill(-1);
    for (let at = 0; at < segment.size; at++) {
      const message = messageAt(segment, at);
      const { conversationId, order, minute } = message;
      if (last.get(placeOf(segment, at)) !== of || forgotten(conversationId, order)) continue;
      listed.add(message, minute);
      renumbered[at] = count++;
      if (at % PIECES === 0) yield;
    }
    numbers.push(renumbered);
  }
  const words = new DictionaryWriter();
  const moved: number[][] = segments.map(() => []);
  let place = 0;
  for (const { word, from } of together(segments.map((one) => one.words.bytes))) {
    const found: number[] = [];
    for (const { of, cursor } of from)
      cursor.numbers((number) => {
        const next = numbers[of]?.[number] ?? -1;
        if (next >= 0) found.push(next);
      });
    for (const { of } of from) moved[of]?.push(found.length === 0 ? -1 : place);
    if (found.length > 0) {
      words.add(word, found);
      place++;
    }
    yield;
  }
  const sounds = new DictionaryWriter();
  for (const { word, from } of together(segments.map((one) => one.sounds.bytes))) {
    const found = new Set<number>();
    for (const { of, cursor } of from)
      cursor.numbers((number) => found.add(moved[of]?.[number] ?? -1));
    found.delete(-1);
    if (found.size > 0)
      sounds.add(
        word,
        [...found].sort((a, b) => a - b),
      );
    yield;
  }
  return { ...listed.done(), words: words.done(), sounds: sounds.done() };
}

function placeOf(segment: Segment, at: number): string {
  const place = segment.conversation[at] ?? 0;
  return `${segment.conversations[place] ?? ""}/${String(segment.order[at] ?? 0)}`;
}

/** A message of a segment, without its words. */
export function messageAt(
  segment: Segment,
  at: number,
): Omit<IndexedMessage, "words" | "sentMs"> & { readonly minute: number } {
  return {
    conversationId: segment.conversations[segment.conversation[at] ?? 0] as ConversationId,
    order: segment.order[at] ?? 0,
    minute: segment.minute[at] ?? 0,
    personId: segment.people[(segment.person[at] ?? 0) - 1] ?? null,
    kinds: segment.kinds[at] ?? 0,
  };
}

interface Entry {
  readonly word: string;
  readonly from: readonly { readonly of: number; readonly cursor: DictionaryCursor }[];
}

/** The words of several dictionaries in order, each once, with the dictionaries that have it. */
function* together(dictionaries: readonly Uint8Array[]): Generator<Entry> {
  const open = dictionaries.map((bytes, of) => ({ of, cursor: new DictionaryCursor(bytes) }));
  let there = open.filter(({ cursor }) => cursor.next());
  while (there.length > 0) {
    let word = there[0]?.cursor.word ?? "";
    for (const { cursor } of there) if (cursor.word < word) word = cursor.word;
    const from = there.filter(({ cursor }) => cursor.word === word);
    yield { word, from };
    for (const one of from) if (!one.cursor.next()) there = there.filter((other) => other !== one);
  }
}
