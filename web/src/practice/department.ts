/** The department of the practice: one station of invented people, whom no other page knows. */
import type { Plate } from "@copconnect/client/core";
import type { Directory, Person, PersonId, PostId, UnitId } from "@copconnect/client/wire";
import { id, named, plateIn, type Spelled } from "./items.ts";

export const DISTRICT = id<UnitId>(2, 1);
export const STATION = id<UnitId>(2, 2);

export const DIRECTORY: Directory = {
  version: "practice",
  units: [
    {
      unitId: DISTRICT,
      parentId: null,
      level: "district",
      names: named(["Practice District", "శిక్షణ జిల్లా", "تربیتی ضلع", "अभ्यास ज़िला"]),
    },
    {
      unitId: STATION,
      parentId: DISTRICT,
      level: "station",
      names: named(["Practice Station", "శిక్షణ పోలీస్ స్టేషన్", "تربیتی پولیس اسٹیشن", "अभ्यास थाना"]),
    },
  ],
  levels: [
    { code: "district", names: named(["District", "జిల్లా", "ضلع", "ज़िला"]) },
    { code: "station", names: named(["Station", "స్టేషన్", "تھانہ", "थाना"]) },
  ],
  ranks: [
    ["CI", "Inspector", "ఇన్‌స్పెక్టర్", "انسپکٹر", "निरीक्षक"],
    ["SI", "Sub-Inspector", "సబ్-ఇన్‌స్పెక్టర్", "سب انسپکٹر", "उप-निरीक्षक"],
    ["HC", "Head Constable", "హెడ్ కానిస్టేబుల్", "ہیڈ کانسٹیبل", "हेड कांस्टेबल"],
    ["PC", "Constable", "కానిస్టేబుల్", "کانسٹیبل", "कांस्टेबल"],
  ].map(([code = "", ...spelled], order) => ({
    ...{ code, order },
    names: named(spelled as unknown as Spelled),
  })),
  roles: [],
};

function person(number: number, rank: string, name: Spelled, post: Spelled): Person {
  return {
    personId: id<PersonId>(1, number),
    names: named(name),
    number: "",
    rank,
    postId: id<PostId>(7, number),
    post: named(post),
    roles: [],
    unitId: STATION,
    charges: [],
    registered: true,
    status: "active",
  };
}

export const ME = person(
  0,
  "PC",
  ["Officer in training", "శిక్షణలో ఉన్న అధికారి", "زیرِ تربیت افسر", "प्रशिक्षु अधिकारी"],
  ["Beat constable", "బీట్ కానిస్టేబుల్", "بیٹ کانسٹیبل", "बीट कांस्टेबल"],
);
export const HEAD = person(
  1,
  "CI",
  ["Lakshmi Devi", "లక్ష్మీ దేవి", "لکشمی دیوی", "लक्ष्मी देवी"],
  ["Station House Officer", "స్టేషన్ హౌస్ ఆఫీసర్", "اسٹیشن ہاؤس آفیسر", "थाना प्रभारी"],
);
export const SECTOR = person(
  2,
  "SI",
  ["Ravi Teja", "రవి తేజ", "روی تیجا", "रवि तेजा"],
  ["Sector SI", "సెక్టార్ ఎస్ఐ", "سیکٹر ایس آئی", "सेक्टर एसआई"],
);
export const WRITER = person(
  3,
  "HC",
  ["Imran Khan", "ఇమ్రాన్ ఖాన్", "عمران خان", "इमरान ख़ान"],
  ["Station writer", "స్టేషన్ రైటర్", "اسٹیشن رائٹر", "थाना लेखक"],
);
export const BEAT = person(
  4,
  "PC",
  ["Sunitha", "సునీత", "سنیتا", "सुनीता"],
  ["Beat constable", "బీట్ కానిస్టేబుల్", "بیٹ کانسٹیبل", "बीट कांस्टेबल"],
);

export const PEOPLE: readonly Person[] = [HEAD, SECTOR, WRITER, BEAT, ME];

export const plateOf = (person: Person): Plate => plateIn(DIRECTORY.ranks, person);
