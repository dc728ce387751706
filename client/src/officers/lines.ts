/**
 * Lines of simulated officers: a station's working talk, in English and Telugu. `{place}`, `{time}`
 * and `{number}` are filled in by the speaker. Names, vehicles and incidents are invented.
 */

import { blankOrder, type OutgoingOrder } from "../kinds/order.ts";

/** Spoken into the station's group without being asked. */
export const STATION_LINES: readonly string[] = [
  "Patrol car at {place}. Traffic moving, no obstruction.",
  "{place} వద్ద పెట్రోలింగ్ కొనసాగుతోంది. పరిస్థితి సాధారణం.",
  "Vehicle check at {place} from {time}. Two constables needed.",
  "Missing child, 6 years, yellow shirt, last seen near {place} at {time}. All beats to look out.",
  "{place} దగ్గర చిన్న ప్రమాదం, గాయాలు లేవు. వాహనాలు పక్కకు తీస్తున్నాం.",
  "Night beat register for {place} signed. Shutters checked, one lock found open, owner informed.",
  "Bandobast for the procession: assemble at {place} by {time}. Bring reflective jackets.",
  "Complainant in {number}/2026 is at the reception. Crime staff please attend.",
  "కోర్టు డ్యూటీ: కేసు {number}/2026 సాక్షులు {time} కి హాజరు కావాలి.",
  "Water on the road at {place}. Barricade placed, municipal control informed.",
  "Unclaimed bag at {place} checked, nothing harmful. Area is clear.",
  "SHE Team visit at the college near {place} done. Two petitions received.",
  "{place} సీసీటీవీ కెమెరా పనిచేయడం లేదు. టెక్ టీమ్ చూడగలరు.",
  "Blue Colts reached {place}. Dispute settled, both parties counselled.",
  "Fuel indent for patrol car submitted. Odometer {number}.",
  "Public address at {place} finished. Crowd about {number}, peaceful.",
];

/** Answers to what a person wrote, in the group or directly. */
export const ANSWERS: readonly string[] = [
  "Noted. On the way, ten minutes.",
  "సరే సార్, వెంటనే చూస్తాను.",
  "Received. Will report once I reach {place}.",
  "Done. Entered in the general diary at {time}.",
  "Two staff are available after {time}.",
  "సార్, {place} వద్ద ఉన్నాను. పరిస్థితి అదుపులో ఉంది.",
  "Copy. Informing the writer to update the case file {number}/2026.",
  "Understood. Sending a photo from the spot shortly.",
];

/** Announced to the whole force by its head. */
export const ANNOUNCEMENTS: readonly string[] = [
  "All units: bandobast plans for the festival week reach the control room by {time} today.",
  "అన్ని యూనిట్లకు: పెండింగ్ వారెంట్ల వివరాలు {time} లోపు పంపగలరు.",
  "Well done to the teams that reunited {number} missing children with their families this month.",
  "Heavy rain expected tonight. Control rooms keep boats and ropes ready; report closed roads.",
  "రాత్రి గస్తీలో ప్రతి అధికారి రిఫ్లెక్టివ్ జాకెట్ ధరించాలి.",
  "Helmets are for us first: every officer on two wheels wears one, on duty and off duty.",
];

/** The order of the head of the force to the station. */
export const ORDER: OutgoingOrder = {
  ...blankOrder("en"),
  title: "Festival bandobast: strength by tomorrow",
  text: "Report how many officers can stand at fixed points on both days, by 10:00.",
  reference: "DGP/L&O/211",
  priority: "urgent",
  answers: true,
};

/** Captions of the pictures they send. */
export const CAPTIONS: readonly string[] = [
  "Barricade position at {place}",
  "{place} వద్ద ట్రాఫిక్ మళ్లింపు",
  "Sketch of the junction at {place}",
];

export const PLACES: readonly string[] = [
  "Charminar bus stop",
  "Madina junction",
  "Lad Bazaar",
  "Mir Alam Tank road",
  "City College gate",
  "Puranapul bridge",
  "Salar Jung museum gate",
  "Afzalgunj stand",
  "Shalibanda cross roads",
  "Falaknuma station",
];

/** Put an invented place, time and number into a line. `random` gives numbers in [0, 1). */
export function fill(line: string, random: () => number): string {
  const place = PLACES[Math.floor(random() * PLACES.length)] as string;
  const hour = String(Math.floor(random() * 24)).padStart(2, "0");
  const minute = String(Math.floor(random() * 12) * 5).padStart(2, "0");
  return line
    .replaceAll("{place}", place)
    .replaceAll("{time}", `${hour}:${minute}`)
    .replaceAll("{number}", String(100 + Math.floor(random() * 900)));
}
