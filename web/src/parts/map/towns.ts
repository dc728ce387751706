/**
 * The headquarters of Telangana's districts, for finding one's way on the outline map. Coordinates
 * to a hundredth of a degree (about a kilometre): labels, not addresses. The nearest of them names a
 * place where no streets can be shown.
 */
import type { Names } from "@copconnect/client/wire";
import { distanceM } from "./projection.ts";

export interface Town {
  readonly names: Names;
  readonly longitude: number;
  readonly latitude: number;
  /** 1: always named; 2: named when there is room. */
  readonly weight: 1 | 2;
}

function town(
  en: string,
  te: string,
  ur: string,
  hi: string,
  latitude: number,
  longitude: number,
  weight: 1 | 2 = 2,
): Town {
  return { names: { en, te, ur, hi }, latitude, longitude, weight };
}

export const TOWNS: readonly Town[] = [
  town("Hyderabad", "హైదరాబాద్", "حیدرآباد", "हैदराबाद", 17.385, 78.487, 1),
  town("Warangal", "వరంగల్", "ورنگل", "वरंगल", 17.97, 79.59, 1),
  town("Nizamabad", "నిజామాబాద్", "نظام آباد", "निज़ामाबाद", 18.67, 78.09, 1),
  town("Karimnagar", "కరీంనగర్", "کریم نگر", "करीमनगर", 18.44, 79.13, 1),
  town("Khammam", "ఖమ్మం", "کھمم", "खम्मम", 17.25, 80.15, 1),
  town("Mahabubnagar", "మహబూబ్‌నగర్", "محبوب نگر", "महबूबनगर", 16.74, 77.99, 1),
  town("Adilabad", "ఆదిలాబాద్", "عادل آباد", "आदिलाबाद", 19.67, 78.53, 1),
  town("Nalgonda", "నల్గొండ", "نلگنڈہ", "नलगोंडा", 17.05, 79.27, 1),
  town("Ramagundam", "రామగుండం", "راما گنڈم", "रामागुंडम", 18.8, 79.45),
  town("Siddipet", "సిద్దిపేట", "سدی پیٹ", "सिद्दीपेट", 18.1, 78.85),
  town("Asifabad", "ఆసిఫాబాద్", "آصف آباد", "आसिफ़ाबाद", 19.36, 79.28),
  town("Nirmal", "నిర్మల్", "نرمل", "निर्मल", 19.1, 78.34),
  town("Mancherial", "మంచిర్యాల", "منچریال", "मंचेरियल", 18.87, 79.45),
  town("Jagtial", "జగిత్యాల", "جگتیال", "जगतियाल", 18.79, 78.91),
  town("Peddapalli", "పెద్దపల్లి", "پداپلی", "पेद्दापल्ली", 18.61, 79.38),
  town("Sircilla", "సిరిసిల్ల", "سرسلہ", "सिरसिल्ला", 18.39, 78.83),
  town("Kamareddy", "కామారెడ్డి", "کاماریڈی", "कामारेड्डी", 18.32, 78.34),
  town("Sangareddy", "సంగారెడ్డి", "سنگاریڈی", "संगारेड्डी", 17.62, 78.08),
  town("Medak", "మెదక్", "میدک", "मेदक", 18.05, 78.26),
  town("Vikarabad", "వికారాబాద్", "وقارآباد", "विकाराबाद", 17.34, 77.9),
  town("Narayanpet", "నారాయణపేట", "نارائن پیٹ", "नारायणपेट", 16.74, 77.5),
  town("Nagarkurnool", "నాగర్‌కర్నూల్", "ناگرکرنول", "नागरकर्नूल", 16.48, 78.31),
  town("Wanaparthy", "వనపర్తి", "ونپرتی", "वनपर्ती", 16.36, 78.06),
  town("Gadwal", "గద్వాల", "گدوال", "गदवाल", 16.23, 77.8),
  town("Suryapet", "సూర్యాపేట", "سوریا پیٹ", "सूर्यापेट", 17.14, 79.62),
  town("Bhongir", "భువనగిరి", "بھونگیر", "भोंगीर", 17.51, 78.89),
  town("Kothagudem", "కొత్తగూడెం", "کتہ گوڑم", "कोत्तागुडेम", 17.55, 80.62),
  town("Mahabubabad", "మహబూబాబాద్", "محبوب آباد", "महबूबाबाद", 17.6, 80.0),
  town("Mulugu", "ములుగు", "ملگ", "मुलुगु", 18.19, 79.94),
  town("Bhupalpally", "భూపాలపల్లి", "بھوپال پلی", "भूपालपल्ली", 18.43, 79.86),
  town("Jangaon", "జనగామ", "جنگاؤں", "जनगांव", 17.72, 79.15),
  town("Bhadrachalam", "భద్రాచలం", "بھدراچلم", "भद्राचलम", 17.67, 80.89),
];

/** Farther from every town than this, a town says nothing about a place. */
const FAR_M = 150_000;

/** The nearest town, and whole kilometres to its centre (at least one: it is known to a kilometre). */
export function nearestTown(
  latitude: number,
  longitude: number,
): { readonly town: Town; readonly km: number } | null {
  let nearest: { town: Town; metres: number } | null = null;
  for (const town of TOWNS) {
    const metres = distanceM([longitude, latitude], [town.longitude, town.latitude]);
    if (nearest === null || metres < nearest.metres) nearest = { town, metres };
  }
  if (nearest === null || nearest.metres > FAR_M) return null;
  return { town: nearest.town, km: Math.max(1, Math.round(nearest.metres / 1000)) };
}
