/** A small department with real unit names and invented people, the same on every load. */
import type { Directory, Level, Names, Person, Rank, Role, Unit } from "@copconnect/client/wire";

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

export function id(kind: number, number: number): string {
  return kind.toString(16).padStart(8, "0") + number.toString(16).padStart(24, "0");
}

const level = (code: string, en: string, te: string): Level => ({ code, names: { en, te } });
const LEVELS: readonly Level[] = [
  level("state", "State", "రాష్ట్రం"),
  level("commissionerate", "Commissionerate", "కమిషనరేట్"),
  level("district", "District", "జిల్లా"),
  level("zone", "Zone", "జోన్"),
  level("division", "Division", "డివిజన్"),
  level("station", "Police station", "పోలీస్ స్టేషన్"),
];

export const RANKS: readonly Rank[] = [
  ["PC", "Police Constable", "పోలీస్ కానిస్టేబుల్"],
  ["HC", "Head Constable", "హెడ్ కానిస్టేబుల్"],
  ["ASI", "Assistant Sub-Inspector", "అసిస్టెంట్ సబ్ ఇన్‌స్పెక్టర్"],
  ["SI", "Sub-Inspector", "సబ్ ఇన్‌స్పెక్టర్"],
  ["CI", "Inspector", "ఇన్‌స్పెక్టర్"],
  ["ACP", "Assistant Commissioner", "అసిస్టెంట్ కమిషనర్"],
  ["DCP", "Deputy Commissioner", "డిప్యూటీ కమిషనర్"],
  ["CP", "Commissioner", "కమిషనర్"],
  ["DGP", "Director General", "డైరెక్టర్ జనరల్"],
].map(([code = "", en = "", te = ""], order) => ({ code, names: { en, te }, order }));

const ROLES: readonly Role[] = [
  ["sho", "Station House Officer", "స్టేషన్ హౌస్ ఆఫీసర్"],
  ["reception", "Reception officer", "రిసెప్షన్ ఆఫీసర్"],
  ["patrol", "Patrol car", "పెట్రోల్ కార్"],
  ["writer", "Station writer", "స్టేషన్ రైటర్"],
  ["traffic", "Traffic", "ట్రాఫిక్"],
  ["she", "SHE team", "షీ టీమ్"],
].map(([code = "", en = "", te = ""]) => ({ code, names: { en, te } }));

const PLACES: readonly (readonly [parent: number, level: string, en: string, te: string])[] = [
  [-1, "state", "Telangana Police", "తెలంగాణ పోలీస్"],
  [0, "commissionerate", "Hyderabad", "హైదరాబాద్"],
  [1, "zone", "Charminar Zone", "చార్మినార్ జోన్"],
  [2, "division", "Charminar Division", "చార్మినార్ డివిజన్"],
  [3, "station", "Charminar", "చార్మినార్"],
  [3, "station", "Hussaini Alam", "హుస్సేనీ ఆలం"],
  [3, "station", "Kamatipura", "కామటిపుర"],
  [2, "division", "Mirchowk Division", "మీర్‌చౌక్ డివిజన్"],
  [7, "station", "Mirchowk", "మీర్‌చౌక్"],
  [7, "station", "Dabeerpura", "దబీర్‌పుర"],
  [1, "zone", "Golconda Zone", "గోల్కొండ జోన్"],
  [10, "division", "Golconda Division", "గోల్కొండ డివిజన్"],
  [11, "station", "Golconda", "గోల్కొండ"],
  [11, "station", "Langer House", "లంగర్ హౌజ్"],
  [0, "commissionerate", "Cyberabad", "సైబరాబాద్"],
  [14, "division", "Madhapur Division", "మాదాపూర్ డివిజన్"],
  [15, "station", "Madhapur", "మాదాపూర్"],
  [15, "station", "Gachibowli", "గచ్చిబౌలి"],
  [0, "commissionerate", "Warangal", "వరంగల్"],
  [0, "district", "Jogulamba Gadwal", "జోగులాంబ గద్వాల"],
  [0, "district", "Bhadradri Kothagudem", "భద్రాద్రి కొత్తగూడెం"],
];

export const UNITS: readonly Unit[] = PLACES.map(([parent, code, en, te], index) => ({
  unitId: id(1, index),
  parentId: parent < 0 ? null : id(1, parent),
  level: code,
  names: { en, te },
}));

const GIVEN: readonly (readonly [en: string, te: string])[] = [
  ["Ramesh", "రమేష్"],
  ["Lakshmi", "లక్ష్మి"],
  ["Srinivas", "శ్రీనివాస్"],
  ["Padma", "పద్మ"],
  ["Venkata Subrahmanyam", "వెంకట సుబ్రహ్మణ్యం"],
  ["Farhana", "ఫర్హానా"],
  ["Imran", "ఇమ్రాన్"],
  ["Anitha", "అనిత"],
  ["Mahesh", "మహేష్"],
  ["Swapna", "స్వప్న"],
  ["Narsimha", "నర్సింహ"],
  ["Kavitha", "కవిత"],
  ["Saleem", "సలీం"],
  ["Divya", "దివ్య"],
  ["Ravinder", "రవీందర్"],
  ["Sai Teja", "సాయి తేజ"],
];
const FAMILY: readonly (readonly [en: string, te: string])[] = [
  ["Reddy", "రెడ్డి"],
  ["Goud", "గౌడ్"],
  ["Khan", "ఖాన్"],
  ["Naik", "నాయక్"],
  ["Rao", "రావు"],
  ["Begum", "బేగం"],
  ["Yadav", "యాదవ్"],
  ["Sharma", "శర్మ"],
  ["Mudiraj", "ముదిరాజ్"],
  ["Chary", "చారి"],
];

const POSTS: Readonly<Record<string, (unit: Unit) => Names>> = {
  DGP: () => ({ en: "DGP", te: "డీజీపీ" }),
  CP: (unit) => ({ en: `CP, ${unit.names.en}`, te: `సీపీ, ${unit.names.te}` }),
  DCP: (unit) => ({ en: `DCP, ${unit.names.en}`, te: `డీసీపీ, ${unit.names.te}` }),
  ACP: (unit) => ({ en: `ACP, ${unit.names.en}`, te: `ఏసీపీ, ${unit.names.te}` }),
  CI: (unit) => ({ en: `SHO, ${unit.names.en}`, te: `ఎస్‌హెచ్‌ఓ, ${unit.names.te}` }),
};
const STATION_POSTS: readonly (readonly [role: string, en: string, te: string])[] = [
  ["reception", "Reception", "రిసెప్షన్"],
  ["patrol", "Patrol car 2", "పెట్రోల్ కార్ 2"],
  ["writer", "Station writer", "స్టేషన్ రైటర్"],
  ["traffic", "Traffic", "ట్రాఫిక్"],
  ["she", "SHE team", "షీ టీమ్"],
];

function staff(unit: Unit): readonly string[] {
  if (unit.level === "state") return ["DGP"];
  if (unit.level === "commissionerate" || unit.level === "district") return ["CP"];
  if (unit.level === "zone") return ["DCP"];
  if (unit.level === "division") return ["ACP"];
  return ["CI", "SI", "SI", "ASI", "HC", "HC", ...Array.from({ length: 14 }, () => "PC")];
}

function makePeople(): readonly Person[] {
  const random = seeded(63_000);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const people: Person[] = [];
  for (const unit of UNITS) {
    for (const rank of staff(unit)) {
      const given = pick(GIVEN);
      const family = pick(FAMILY);
      const [role = "", en = "", te = ""] = pick(STATION_POSTS);
      const post = POSTS[rank]?.(unit) ?? {
        en: `${en}, ${unit.names.en}`,
        te: `${te}, ${unit.names.te}`,
      };
      people.push({
        personId: id(2, people.length),
        names: { en: `${given[0]} ${family[0]}`, te: `${given[1]} ${family[1]}` },
        number: `+9190000${String(10_000 + people.length)}`,
        rank,
        post,
        roles: rank === "CI" ? ["sho"] : POSTS[rank] ? [] : [role],
        unitId: unit.unitId,
        registered: random() > 0.15,
        status: "active",
      });
    }
  }
  return people;
}

export const PEOPLE: readonly Person[] = makePeople();

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
