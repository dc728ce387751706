/** Conversations and messages as a station has them, the same on every load. */
import type {
  AttachmentView,
  ConversationAlarm,
  ConversationItem,
  MessageBody,
  MessageItem,
} from "@copconnect/client/core";
import type { ConversationId, Person, Standing } from "@copconnect/client/wire";
import { conversationOf, id, messageOf, quoteOf } from "#practice/items.ts";
import type { Talk } from "#practice/station.ts";
import { ME, PEOPLE, UNITS, plate, seeded } from "./organisation.ts";

const LINES = [
  "Reached the spot. Traffic is moving.",
  "బందోబస్తు పాయింట్ 4 దగ్గర ఉన్నాం సార్.",
  "Copy.",
  "Two-wheeler theft complaint at Laad Bazaar. Complainant is at the reception desk.",
  "CCTV footage collected from the jewellery shop, sending it to the tech team.",
  "Patrol car 2 on the way, 5 minutes.",
  "లక్ష్మి గారు, ఎఫ్ఐఆర్ కాపీ పంపండి.",
  "Festival bandobast: report at 05:30 at the south gate. Carry reflective jackets and torches. Leave is cancelled for the 26th and 27th.",
  "میں چارمینار کے پاس ہوں، پانچ منٹ میں پہنچتا ہوں۔",
  "Court duty tomorrow, who has the case diary?",
  "With the writer.",
  "ठीक है, मैं भेज रहा हूँ।",
  "Vehicle TS 09 EA 4411 found near Gulzar Houz. Owner informed.",
  "OK sir.",
  "Night round finished, all quiet. 14 vehicles checked, 2 challans.",
];

/** More than two lines of a quote. */
const LONG =
  "చార్మినార్ దగ్గర గుంపు తగ్గింది, ట్రాఫిక్ మళ్లీ మామూలుగా వెళ్తోంది. పెట్రోల్ కార్ రెండు గుల్జార్ హౌజ్ వైపు " +
  "వెళ్తోంది, పది నిమిషాల్లో పూర్తి నివేదిక పంపిస్తాం.";

const LONG_NAME =
  "Duty roster of the south zone for the festival week, gates three and four, revised twice.pdf";

export const bytesOf = (text: string): Uint8Array =>
  Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

export function attachmentOf(
  number: number,
  kind: AttachmentView["kind"],
  more: Partial<AttachmentView> = {},
): AttachmentView {
  const plain: Record<AttachmentView["kind"], readonly [string, string, number]> = {
    image: ["IMG_2231.jpg", "image/jpeg", 214_000],
    video: ["VID_0042.mp4", "video/mp4", 8_400_000],
    audio: ["statement.mp3", "audio/mpeg", 2_100_000],
    voice: ["voice.webm", "audio/webm", 41_000],
    document: ["FIR_118_2026.pdf", "application/pdf", 482_000],
  };
  const [name, mime, size] = plain[kind];
  return {
    attachmentId: id(5, number),
    kind,
    name,
    mime,
    size,
    width: kind === "image" || kind === "video" ? 1280 : null,
    height: kind === "image" || kind === "video" ? 960 : null,
    durationMs:
      kind === "voice" ? 12_000 : kind === "audio" ? 92_000 : kind === "video" ? 34_000 : null,
    thumb: kind === "image" || kind === "video" ? bytesOf("1QcSHQRnh493V4dIh4eXh1h4kJUI") : null,
    waveform:
      kind === "voice"
        ? Array.from({ length: 48 }, (_, i) => Math.round(20 + 70 * Math.abs(Math.sin(i * 0.7))))
        : null,
    progress: null,
    local: kind === "voice" || kind === "image",
    ...more,
  };
}

interface Plan {
  readonly title: string | null;
  readonly kind: ConversationItem["kind"];
  readonly people: readonly Person[];
  readonly messages: number;
  readonly unread: number;
  readonly more?: Partial<ConversationItem>;
}

function makeMessages(
  conversationId: ConversationId,
  people: readonly Person[],
  count: number,
  base: number,
): MessageItem[] {
  const random = seeded(base + 7);
  const others = people.filter((person) => person.personId !== ME.personId);
  const messages: MessageItem[] = [];
  let sentMs = Date.now() - count * 11 * 60_000;
  let sender = others[0] ?? ME;
  for (let index = 0; index < count; index += 1) {
    sentMs += Math.floor(random() * 22 * 60_000);
    if (random() > 0.45) {
      sender = random() > 0.68 ? ME : (others[Math.floor(random() * others.length)] ?? ME);
    }
    const mine = sender.personId === ME.personId;
    const dice = random();
    let body: MessageBody = {
      kind: "text",
      text: LINES[Math.floor(random() * LINES.length)] ?? "",
      mentions: [],
    };
    const near = count - index;
    if (near === 6) {
      body = { kind: "text", text: LONG, mentions: [] };
    } else if (near === 9) {
      const text = `@${ME.names.en} please send the duty list by 18:00. https://tspolice.gov.in/duty`;
      body = {
        kind: "text",
        text,
        mentions: [{ personId: ME.personId, start: 0, length: ME.names.en.length + 1 }],
        page: {
          ...{ title: "Duty list, Charminar", description: "Posts and times of the week" },
          picture: bytesOf("1QcSHQRnh493V4dIh4eXh1h4kJUI"),
        },
      };
    } else if (near === 14) {
      body = {
        kind: "attachments",
        text: "South gate, 06:10",
        mentions: [],
        evidence: {
          ...{ madeMs: sentMs - 60_000, phone: "Moto G54" },
          place: { lat: 17.36163, lon: 78.47472, accuracyM: 8 },
        },
        attachments: [
          attachmentOf(base + index, "image", { sha256: "9f86d081884c7d65".repeat(4) }),
        ],
      };
    } else if (near === 12) {
      body = {
        kind: "attachments",
        text: "",
        mentions: [],
        attachments: [attachmentOf(base + index, "voice")],
      };
    } else if (near === 11) {
      body = {
        kind: "attachments",
        text: "",
        mentions: [],
        attachments: [attachmentOf(base + index, "document", { name: LONG_NAME })],
      };
    } else if (near === 7) {
      body = {
        kind: "location",
        latitude: 17.3616,
        longitude: 78.4747,
        accuracyM: 12,
        takenMs: sentMs,
      };
    } else if (near === 17) {
      body = { kind: "unsupported" };
    } else if (index === 0) {
      body = { kind: "notice", notice: { kind: "history", fromMs: sentMs } };
    } else if (index === 1) {
      body = { kind: "notice", notice: { kind: "you_added" } };
    } else if ((near === 20 || near === 22) && others[1]) {
      body = {
        kind: "notice",
        notice: { kind: "device_added", people: [plate(others[1])], by: plate(sender) },
      };
    } else if (near === 19) {
      body = { kind: "notice", notice: { kind: "gap", by: plate(sender) } };
    } else if (near === 21 && others[2]) {
      body = { kind: "notice", notice: { kind: "added", people: [plate(others[2])] } };
    }
    const previous = messages[index - 3];
    const reply = (dice > 0.93 || near === 3) && previous && previous.body.kind !== "notice";
    messages.push(
      messageOf(
        {
          ...{ messageId: id(4, base * 100_000 + index), conversationId, seq: index + 1 },
          ...{ sender: plate(sender), body },
        },
        {
          ...{ mine, sentMs, replyTo: reply ? quoteOf(previous) : null },
          ...(near === 5 || near === 14 ? { forwarded: "some" } : {}),
          ...(near === 6 ? { forwarded: "often" } : {}),
          status: mine ? (near < 4 ? "sent" : near < 12 ? "delivered" : "read") : null,
        },
      ),
    );
  }
  const late = Date.now() - (messages.at(-1)?.sentMs ?? 0) - 4 * 60_000;
  return messages.map((message) => ({ ...message, sentMs: message.sentMs + late }));
}

/** All of a unit, or its station house officers. */
function standing(index: number, about: Standing["about"]): Standing {
  const unit = UNITS[index];
  if (unit === undefined) throw new Error("no such unit");
  const { names, unitId } = unit;
  const title =
    about === "unit"
      ? names
      : { ...names, en: `All SHOs, ${names.en}`, te: `అందరు ఎస్‌హెచ్‌ఓలు, ${names.te}` };
  return { key: `${about}:${unitId}`, title, unitId, about, postId: null };
}

function build({ people, messages: count, more, ...about }: Plan, number: number): Talk {
  const conversationId = id<ConversationId>(3, number);
  const messages = makeMessages(conversationId, people, count, number + 1).map((message) => ({
    ...message,
    sentMs: message.sentMs - number * number * 3_700_000,
  }));
  const others = people.filter((person) => person.personId !== ME.personId);
  const item = conversationOf(conversationId, others.map(plate), messages.at(-1), {
    ...about,
    members: people.length,
    unregistered: others.filter((person) => !person.registered).length,
    devices: people.length + 3,
    ...more,
  });
  return { item, people, messages };
}

export function makeTalks(
  kind: "some" | "empty" | "many",
  busiest: number,
  alarm: ConversationAlarm = "log_differs",
): Talk[] {
  if (kind === "empty") return [];
  const station = PEOPLE.filter((person) => person.unitId === ME.unitId);
  const with_ = (...numbers: readonly number[]): readonly Person[] => [
    ME,
    ...numbers.map((number) => PEOPLE[number] as Person),
  ];
  const plans: Plan[] = [
    {
      title: "Charminar Police Station",
      kind: "unit",
      people: station,
      messages: busiest,
      unread: 5,
      more: { pinned: true, mentions: 2 },
    },
    { title: null, kind: "direct", people: with_(12), messages: 60, unread: 2 },
    {
      title: "Bonalu bandobast, south gate",
      kind: "group",
      people: station.slice(0, 9),
      messages: 44,
      unread: 0,
      more: { admin: true, history: { done: 44, total: 212 } },
    },
    {
      title: null,
      kind: "direct",
      people: with_(30),
      messages: 21,
      unread: 0,
      more: { draft: "Sir, the case diary is" },
    },
    {
      title: null,
      kind: "announcement",
      people: PEOPLE,
      messages: 12,
      unread: 128,
      more: {
        standing: standing(0, "unit"),
        members: 63_000,
        whoMaySend: "admins",
        canSend: false,
        mutedUntilMs: -1,
      },
    },
    {
      title: null,
      kind: "unit",
      people: PEOPLE,
      messages: 9,
      unread: 3,
      more: { standing: standing(1, "role"), members: 74, unregistered: 12, devices: 80 },
    },
    {
      title: null,
      kind: "unit",
      people: PEOPLE,
      messages: 30,
      unread: 0,
      more: {
        standing: standing(4, "unit"),
        members: 63_000,
        unregistered: 4_120,
        devices: 71_300,
      },
    },
    {
      title: null,
      kind: "group",
      people: with_(40, 41, 42),
      messages: 5,
      unread: 0,
      more: { admin: true },
    },
    {
      title: "All SHOs, Hyderabad",
      kind: "unit",
      people: PEOPLE.filter((person) => person.rank === "CI"),
      messages: 30,
      unread: 0,
    },
    {
      title: "Night rounds",
      kind: "group",
      people: station.slice(2, 7).concat(ME),
      messages: 9,
      unread: 0,
      more: { state: "left", canSend: false },
    },
    {
      title: null,
      kind: "direct",
      people: with_(55),
      messages: 3,
      unread: 0,
      more: { state: "alarm", alarm },
    },
    {
      title: "SHE teams, Charminar Zone",
      kind: "group",
      people: with_(60, 61, 62, 63),
      messages: 0,
      unread: 0,
      more: { state: "waiting", canSend: false },
    },
  ];
  if (kind === "many") {
    for (let number = 0; number < 10_000; number += 1) {
      const person = PEOPLE[number % PEOPLE.length] as Person;
      plans.push({
        title: null,
        kind: "direct",
        people: [ME, person],
        messages: 1,
        unread: number % 7 === 0 ? 1 : 0,
      });
    }
  }
  return plans.map(build);
}
