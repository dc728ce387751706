/** A small department with real unit names and invented people, the same on every load. */
import type { Plate } from "@copconnect/client/core";
import type {
  DeviceId,
  Directory,
  Language,
  Level,
  Names,
  Person,
  PostId,
  Posting,
  Rank,
  Role,
  Unit,
  UnitId,
} from "@copconnect/client/wire";
import { id, named, plateIn, type Spelled } from "#practice/items.ts";

/** Deterministic numbers in [0, 1) (mulberry32). */
export function seeded(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A row of a table below: a code, then the name in each language. */
type Row = readonly [code: string, en: string, te: string, ur: string, hi: string];
const term = ([code, ...spelled]: Row): Role => ({ code, names: named(spelled) });

const LEVEL_ROWS: readonly Row[] = [
  ["state", "State", "రాష్ట్రం", "ریاست", "राज्य"],
  ["commissionerate", "Commissionerate", "కమిషనరేట్", "کمشنریٹ", "आयुक्तालय"],
  ["district", "District", "జిల్లా", "ضلع", "ज़िला"],
  ["zone", "Zone", "జోన్", "زون", "ज़ोन"],
  ["division", "Division", "డివిజన్", "ڈویژن", "डिवीज़न"],
  ["station", "Police station", "పోలీస్ స్టేషన్", "پولیس اسٹیشن", "पुलिस थाना"],
];

const LEVELS: readonly Level[] = LEVEL_ROWS.map(term);

const RANK_ROWS: readonly Row[] = [
  ["PC", "Police Constable", "పోలీస్ కానిస్టేబుల్", "پولیس کانسٹیبل", "पुलिस आरक्षी"],
  ["HC", "Head Constable", "హెడ్ కానిస్టేబుల్", "ہیڈ کانسٹیبل", "प्रधान आरक्षी"],
  ["ASI", "Assistant Sub-Inspector", "అసిస్టెంట్ సబ్ ఇన్‌స్పెక్టర్", "اسسٹنٹ سب انسپکٹر", "सहायक उप-निरीक्षक"],
  ["SI", "Sub-Inspector", "సబ్ ఇన్‌స్పెక్టర్", "سب انسپکٹر", "उप-निरीक्षक"],
  ["CI", "Inspector", "ఇన్‌స్పెక్టర్", "انسپکٹر", "निरीक्षक"],
  ["ACP", "Assistant Commissioner", "అసిస్టెంట్ కమిషనర్", "اسسٹنٹ کمشنر", "सहायक आयुक्त"],
  ["DCP", "Deputy Commissioner", "డిప్యూటీ కమిషనర్", "ڈپٹی کمشنر", "उपायुक्त"],
  ["CP", "Commissioner", "కమిషనర్", "کمشنر", "आयुक्त"],
  ["DGP", "Director General", "డైరెక్టర్ జనరల్", "ڈائریکٹر جنرل", "महानिदेशक"],
];
const RANKS: readonly Rank[] = RANK_ROWS.map((row, order) => ({ ...term(row), order }));

const ROLE_ROWS: readonly Row[] = [
  ["sho", "Station House Officer", "స్టేషన్ హౌస్ ఆఫీసర్", "اسٹیشن ہاؤس آفیسر", "थाना प्रभारी"],
  ["reception", "Reception officer", "రిసెప్షన్ ఆఫీసర్", "استقبالیہ افسر", "स्वागत अधिकारी"],
  ["patrol", "Patrol car", "పెట్రోల్ కార్", "گشتی گاڑی", "गश्ती कार"],
  ["writer", "Station writer", "స్టేషన్ రైటర్", "تھانہ محرر", "थाना मुंशी"],
  ["traffic", "Traffic", "ట్రాఫిక్", "ٹریفک", "यातायात"],
  ["she", "SHE team", "షీ టీమ్", "شی ٹیم", "शी टीम"],
];
const ROLES: readonly Role[] = ROLE_ROWS.map(term);

const PLACES: readonly (readonly [parent: number, level: string, ...Spelled])[] = [
  [-1, "state", "Telangana Police", "తెలంగాణ పోలీస్", "تلنگانہ پولیس", "तेलंगाना पुलिस"],
  [0, "commissionerate", "Hyderabad", "హైదరాబాద్", "حیدرآباد", "हैदराबाद"],
  [1, "zone", "Charminar Zone", "చార్మినార్ జోన్", "چارمینار زون", "चारमीनार ज़ोन"],
  [2, "division", "Charminar Division", "చార్మినార్ డివిజన్", "چارمینار ڈویژن", "चारमीनार डिवीज़न"],
  [3, "station", "Charminar", "చార్మినార్", "چارمینار", "चारमीनार"],
  [3, "station", "Hussaini Alam", "హుస్సేనీ ఆలం", "حسینی علم", "हुसैनी आलम"],
  [3, "station", "Kamatipura", "కామటిపుర", "کماٹی پورہ", "कामाटीपुरा"],
  [2, "division", "Mirchowk Division", "మీర్‌చౌక్ డివిజన్", "میر چوک ڈویژن", "मीर चौक डिवीज़न"],
  [7, "station", "Mirchowk", "మీర్‌చౌక్", "میر چوک", "मीर चौक"],
  [7, "station", "Dabeerpura", "దబీర్‌పుర", "دبیر پورہ", "दबीरपुरा"],
  [1, "zone", "Golconda Zone", "గోల్కొండ జోన్", "گولکنڈہ زون", "गोलकोंडा ज़ोन"],
  [10, "division", "Golconda Division", "గోల్కొండ డివిజన్", "گولکنڈہ ڈویژن", "गोलकोंडा डिवीज़न"],
  [11, "station", "Golconda", "గోల్కొండ", "گولکنڈہ", "गोलकोंडा"],
  [11, "station", "Langer House", "లంగర్ హౌజ్", "لنگر حوض", "लंगर हौज़"],
  [0, "commissionerate", "Cyberabad", "సైబరాబాద్", "سائبرآباد", "साइबराबाद"],
  [14, "division", "Madhapur Division", "మాదాపూర్ డివిజన్", "مادھاپور ڈویژن", "माधापुर डिवीज़न"],
  [15, "station", "Madhapur", "మాదాపూర్", "مادھاپور", "माधापुर"],
  [15, "station", "Gachibowli", "గచ్చిబౌలి", "گچی باؤلی", "गचीबौली"],
  [0, "commissionerate", "Warangal", "వరంగల్", "ورنگل", "वरंगल"],
  [0, "district", "Jogulamba Gadwal", "జోగులాంబ గద్వాల", "جوگولامبا گدوال", "जोगुलांबा गदवाल"],
  [0, "district", "Bhadradri Kothagudem", "భద్రాద్రి కొత్తగూడెం", "بھدرادری کتہ گوڑم", "भद्राद्री कोत्तागुडेम"],
];

export const UNITS: readonly Unit[] = PLACES.map(([parent, code, ...spelled], index) => ({
  unitId: id(1, index),
  parentId: parent < 0 ? null : id<UnitId>(1, parent),
  level: code,
  names: named(spelled),
}));

/** From the top of the organisation down to a unit, as grants write it. */
export function pathOf(unitId: string): string {
  const parent = UNITS.find((one) => one.unitId === unitId)?.parentId ?? null;
  return parent === null ? unitId : `${pathOf(parent)}/${unitId}`;
}

const GIVEN: readonly Spelled[] = [
  ["Ramesh", "రమేష్", "رمیش", "रमेश"],
  ["Lakshmi", "లక్ష్మి", "لکشمی", "लक्ष्मी"],
  ["Srinivas", "శ్రీనివాస్", "سرینواس", "श्रीनिवास"],
  ["Padma", "పద్మ", "پدما", "पद्मा"],
  ["Venkata Subrahmanyam", "వెంకట సుబ్రహ్మణ్యం", "وینکٹ سبرامنیم", "वेंकट सुब्रह्मण्यम"],
  ["Farhana", "ఫర్హానా", "فرحانہ", "फ़रहाना"],
  ["Imran", "ఇమ్రాన్", "عمران", "इमरान"],
  ["Anitha", "అనిత", "انیتا", "अनिता"],
  ["Mahesh", "మహేష్", "مہیش", "महेश"],
  ["Swapna", "స్వప్న", "سپنا", "स्वप्ना"],
  ["Narsimha", "నర్సింహ", "نرسمہا", "नरसिंह"],
  ["Kavitha", "కవిత", "کویتا", "कविता"],
  ["Saleem", "సలీం", "سلیم", "सलीम"],
  ["Divya", "దివ్య", "دیویا", "दिव्या"],
  ["Ravinder", "రవీందర్", "رویندر", "रविंदर"],
  ["Sai Teja", "సాయి తేజ", "سائی تیجا", "साई तेजा"],
];
const FAMILY: readonly Spelled[] = [
  ["Reddy", "రెడ్డి", "ریڈی", "रेड्डी"],
  ["Goud", "గౌడ్", "گوڑ", "गौड़"],
  ["Khan", "ఖాన్", "خان", "ख़ान"],
  ["Naik", "నాయక్", "نائک", "नायक"],
  ["Rao", "రావు", "راؤ", "राव"],
  ["Begum", "బేగం", "بیگم", "बेगम"],
  ["Yadav", "యాదవ్", "یادو", "यादव"],
  ["Sharma", "శర్మ", "شرما", "शर्मा"],
  ["Mudiraj", "ముదిరాజ్", "مدیراج", "मुदिराज"],
  ["Chary", "చారి", "چاری", "चारी"],
];

/** Two names side by side in each language. */
function joined(left: Names, between: string, right: Names): Names {
  const side = (language: Language): string => `${left[language]}${between}${right[language]}`;
  return { en: side("en"), te: side("te"), ur: side("ur"), hi: side("hi") };
}

const HEADS: Readonly<Record<string, Spelled>> = {
  DGP: ["DGP", "డీజీపీ", "ڈی جی پی", "डीजीपी"],
  CP: ["CP", "సీపీ", "سی پی", "सीपी"],
  DCP: ["DCP", "డీసీపీ", "ڈی سی پی", "डीसीपी"],
  ACP: ["ACP", "ఏసీపీ", "اے سی پی", "एसीपी"],
  CI: ["SHO", "ఎస్‌హెచ్‌ఓ", "ایس ایچ او", "एसएचओ"],
};

const STATION_POSTS: readonly Row[] = [
  ["reception", "Reception", "రిసెప్షన్", "استقبالیہ", "स्वागत कक्ष"],
  ["patrol", "Patrol car 2", "పెట్రోల్ కార్ 2", "گشتی گاڑی 2", "गश्ती कार 2"],
  ["writer", "Station writer", "స్టేషన్ రైటర్", "تھانہ محرر", "थाना मुंशी"],
  ["traffic", "Traffic", "ట్రాఫిక్", "ٹریفک", "यातायात"],
  ["she", "SHE team", "షీ టీమ్", "شی ٹیم", "शी टीम"],
];

function staff(unit: Unit): readonly string[] {
  if (unit.level === "state") return ["DGP"];
  if (unit.level === "commissionerate" || unit.level === "district") return ["CP"];
  if (unit.level === "zone") return ["DCP"];
  if (unit.level === "division") return ["ACP"];
  return ["CI", "SI", "SI", "ASI", "HC", "HC", ...Array.from({ length: 14 }, () => "PC")];
}

const POSTS = new Map<string, PostId>();

/** The post with this title in a unit. */
function postOf(unitId: UnitId, title: Names): PostId {
  const key = `${unitId} ${title.en}`;
  const made = POSTS.get(key) ?? id<PostId>(8, POSTS.size);
  POSTS.set(key, made);
  return made;
}

function makePeople(): readonly Person[] {
  const random = seeded(63_000);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const people: Person[] = [];
  for (const unit of UNITS) {
    for (const rank of staff(unit)) {
      const given = pick(GIVEN);
      const family = pick(FAMILY);
      const [role, ...duty] = pick(STATION_POSTS);
      const head = HEADS[rank];
      const post = joined(named(head ?? duty), ", ", unit.names);
      people.push({
        personId: id(2, people.length),
        names: joined(named(given), " ", named(family)),
        number: `+9190000${String(10_000 + people.length)}`,
        rank,
        postId: postOf(unit.unitId, post),
        post,
        roles: rank === "CI" ? ["sho"] : head === undefined ? [role] : [],
        unitId: unit.unitId,
        charges: [],
        registered: random() > 0.15,
        status: "active",
      });
    }
  }
  return people;
}

/** The ranks whose post heads a unit here. */
export const HEADING: ReadonlySet<string> = new Set(Object.keys(HEADS));

/** One division without a head, one zone with a second one, a writer of two stations. */
function withCharges(people: readonly Person[]): readonly Person[] {
  const of = (unit: number, rank: string): Person | undefined =>
    people.find((person) => person.unitId === id(1, unit) && person.rank === rank);
  const given = (
    unit: number,
    post: Spelled,
    charge: Posting["charge"],
    head: boolean,
  ): Posting => {
    const title = joined(named(post), ", ", UNITS[unit]?.names ?? named(post));
    const unitId = id<UnitId>(1, unit);
    return {
      ...{ postingId: unit + 1, postId: postOf(unitId, title), unitId, post: title },
      ...{ roles: [], head, charge, fromMs: 1_760_000_000_000, untilMs: null },
    };
  };
  const charges = new Map([
    [of(10, "DCP"), [given(2, HEADS.DCP as Spelled, "officiating", true)]],
    [
      of(5, "ASI"),
      [
        given(4, ["Station writer", "స్టేషన్ రైటర్", "تھانہ محرر", "थाना मुंशी"], "additional", false),
        given(6, ["Reception", "రిసెప్షన్", "استقبالیہ", "स्वागत कक्ष"], "additional", false),
      ],
    ],
  ]);
  const vacant = of(3, "ACP");
  return people.map((person) => ({
    ...person,
    charges: charges.get(person) ?? [],
    status: person === vacant ? "suspended" : person.status,
  }));
}

export const PEOPLE: readonly Person[] = withCharges(makePeople());

/** The person who holds the phone: a sub-inspector at Charminar. */
export const ME: Person = PEOPLE.find(
  (person) => person.unitId === id(1, 4) && person.rank === "SI",
) as Person;

export const DIRECTORY: Directory = {
  version: "1",
  units: [...UNITS],
  levels: [...LEVELS],
  ranks: [...RANKS],
  roles: [...ROLES],
};

export const plate = (person: Person): Plate => plateIn(RANKS, person);

/** 64 hex. */
export const deviceId = (number: number): DeviceId => (id(6, number) + id(6, number)) as DeviceId;
