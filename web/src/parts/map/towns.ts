/**
 * The headquarters of Telangana's districts, for finding one's way on the outline map. Coordinates
 * to a hundredth of a degree (about a kilometre): labels, not addresses.
 */
import type { Names } from "@copconnect/client/wire";

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
  latitude: number,
  longitude: number,
  weight: 1 | 2 = 2,
): Town {
  return { names: { en, te }, latitude, longitude, weight };
}

export const TOWNS: readonly Town[] = [
  town("Hyderabad", "హైదరాబాద్", 17.385, 78.487, 1),
  town("Warangal", "వరంగల్", 17.97, 79.59, 1),
  town("Nizamabad", "నిజామాబాద్", 18.67, 78.09, 1),
  town("Karimnagar", "కరీంనగర్", 18.44, 79.13, 1),
  town("Khammam", "ఖమ్మం", 17.25, 80.15, 1),
  town("Mahabubnagar", "మహబూబ్‌నగర్", 16.74, 77.99, 1),
  town("Adilabad", "ఆదిలాబాద్", 19.67, 78.53, 1),
  town("Nalgonda", "నల్గొండ", 17.05, 79.27, 1),
  town("Ramagundam", "రామగుండం", 18.8, 79.45),
  town("Siddipet", "సిద్దిపేట", 18.1, 78.85),
  town("Asifabad", "ఆసిఫాబాద్", 19.36, 79.28),
  town("Nirmal", "నిర్మల్", 19.1, 78.34),
  town("Mancherial", "మంచిర్యాల", 18.87, 79.45),
  town("Jagtial", "జగిత్యాల", 18.79, 78.91),
  town("Peddapalli", "పెద్దపల్లి", 18.61, 79.38),
  town("Sircilla", "సిరిసిల్ల", 18.39, 78.83),
  town("Kamareddy", "కామారెడ్డి", 18.32, 78.34),
  town("Sangareddy", "సంగారెడ్డి", 17.62, 78.08),
  town("Medak", "మెదక్", 18.05, 78.26),
  town("Vikarabad", "వికారాబాద్", 17.34, 77.9),
  town("Narayanpet", "నారాయణపేట", 16.74, 77.5),
  town("Nagarkurnool", "నాగర్‌కర్నూల్", 16.48, 78.31),
  town("Wanaparthy", "వనపర్తి", 16.36, 78.06),
  town("Gadwal", "గద్వాల", 16.23, 77.8),
  town("Suryapet", "సూర్యాపేట", 17.14, 79.62),
  town("Bhongir", "భువనగిరి", 17.51, 78.89),
  town("Kothagudem", "కొత్తగూడెం", 17.55, 80.62),
  town("Mahabubabad", "మహబూబాబాద్", 17.6, 80.0),
  town("Mulugu", "ములుగు", 18.19, 79.94),
  town("Bhupalpally", "భూపాలపల్లి", 18.43, 79.86),
  town("Jangaon", "జనగామ", 17.72, 79.15),
  town("Bhadrachalam", "భద్రాచలం", 17.67, 80.89),
];
