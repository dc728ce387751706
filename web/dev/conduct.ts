/** The scripted department's code of conduct, in each language. */
import type { ConductView } from "@copconnect/client/core";
import type { ConductCode, Language } from "@copconnect/client/wire";

const TEXTS: Readonly<Record<Language, { readonly title: string; readonly rules: string[] }>> = {
  en: {
    title: "Code of conduct",
    rules: [
      "Use Cop Connect for police work only.",
      "No greetings, no forwards, no jokes: a colleague may be waiting for an order.",
      "What you read here stays within the force. No screenshots, no passing on.",
      "Write what you know, not what you heard. Say where it comes from.",
      "A lost or stolen phone is reported at once, day or night.",
    ],
  },
  te: {
    title: "ప్రవర్తనా నియమావళి",
    rules: [
      "కాప్ కనెక్ట్‌ను పోలీసు విధులకు మాత్రమే వాడండి.",
      "శుభాకాంక్షలు, ఫార్వర్డ్‌లు, జోకులు వద్దు.",
      "ఇక్కడ చదివింది శాఖలోనే ఉండాలి. స్క్రీన్‌షాట్‌లు వద్దు.",
      "తెలిసినదే రాయండి; ఎక్కడి నుంచి తెలిసిందో చెప్పండి.",
      "ఫోన్ పోతే వెంటనే తెలపండి.",
    ],
  },
  ur: {
    title: "ضابطۂ اخلاق",
    rules: [
      "کاپ کنیکٹ صرف پولیس کے کام کے لیے استعمال کریں۔",
      "مبارکباد، فارورڈ اور لطیفے نہ بھیجیں۔",
      "یہاں جو پڑھیں وہ محکمے کے اندر رہے۔ اسکرین شاٹ نہ لیں۔",
      "جو جانتے ہیں وہی لکھیں، ذریعہ بھی بتائیں۔",
      "فون گم ہو جائے تو فوراً اطلاع دیں۔",
    ],
  },
  hi: {
    title: "आचार संहिता",
    rules: [
      "कॉप कनेक्ट का उपयोग केवल पुलिस कार्य के लिए करें।",
      "शुभकामनाएँ, फ़ॉरवर्ड और चुटकुले न भेजें।",
      "यहाँ पढ़ी बात विभाग के भीतर रहे। स्क्रीनशॉट न लें।",
      "जो जानते हैं वही लिखें, स्रोत भी बताएँ।",
      "फ़ोन खो जाए तो तुरंत सूचना दें।",
    ],
  },
};

/** `?conduct=changed`: a person who accepted a version before this one. */
const FORMER: Readonly<Record<Language, string>> = {
  en: "No greetings, no jokes: a colleague may be waiting for an order.",
  te: "శుభాకాంక్షలు, జోకులు వద్దు.",
  ur: "مبارکباد اور لطیفے نہ بھیجیں۔",
  hi: "शुभकामनाएँ और चुटकुले न भेजें।",
};

export function conductView(code: ConductCode, owed: boolean): ConductView {
  const changed = new URLSearchParams(location.search).get("conduct") === "changed";
  const accepted = { version: changed ? 1 : code.version, atMs: code.createdMs };
  if (!changed) return { code, accepted: owed ? null : accepted, former: null, owed };
  const [first = "", , third = "", ...others] = code.rules;
  const former = { ...code, version: 1, rules: [first, FORMER[code.language], third, ...others] };
  const rules = [...code.rules.slice(0, 3), ...code.rules.slice(4)];
  return { code: { ...code, version: 2, rules }, accepted, former, owed };
}

export function codeOfConduct(language: Language): ConductCode {
  return { version: 1, createdMs: 1_700_000_000_000, language, ...TEXTS[language] };
}
