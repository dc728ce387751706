"use strict";
// Verifies a certificate (a JWT, Ed25519) with the keys in this page. Reaches no network.
const WORDS = {
  en: {
    heading: "Check a certificate", label: "Scan the code of the certificate with a camera, or paste its text here.",
    check: "Check", offline: "This page sends nothing anywhere. Saved to a disk, it works without a network.",
    good: "This certificate is genuine", bad: "This certificate is not genuine",
    why: "It was changed, or another department signed it.", none: "This is not a certificate of training.",
    old: "This browser is too old to check signatures. Open the page in a newer one.",
    name: "Name", course: "Course", date: "Completed", issuer: "Signed by",
  },
  te: {
    heading: "ధ్రువపత్రాన్ని సరిచూడండి", label: "ధ్రువపత్రంపై ఉన్న కోడ్‌ను కెమెరాతో స్కాన్ చేయండి, లేదా దాని పాఠాన్ని ఇక్కడ అతికించండి.",
    check: "సరిచూడు", offline: "ఈ పేజీ ఎక్కడికీ ఏదీ పంపదు. సేవ్ చేసుకుంటే నెట్‌వర్క్ లేకుండా పనిచేస్తుంది.",
    good: "ఈ ధ్రువపత్రం అసలైనది", bad: "ఈ ధ్రువపత్రం అసలైనది కాదు",
    why: "దీన్ని మార్చారు, లేదా వేరే శాఖ సంతకం చేసింది.", none: "ఇది శిక్షణ ధ్రువపత్రం కాదు.",
    old: "సంతకాలను సరిచూడటానికి ఈ బ్రౌజర్ చాలా పాతది. కొత్త బ్రౌజర్‌లో తెరవండి.",
    name: "పేరు", course: "కోర్సు", date: "పూర్తి చేసిన తేదీ", issuer: "సంతకం",
  },
  ur: {
    heading: "سند کی جانچ", label: "سند کا کوڈ کیمرے سے اسکین کریں، یا اس کا متن یہاں چسپاں کریں۔",
    check: "جانچیں", offline: "یہ صفحہ کہیں کچھ نہیں بھیجتا۔ محفوظ کر لیں تو نیٹ ورک کے بغیر بھی چلتا ہے۔",
    good: "یہ سند اصلی ہے", bad: "یہ سند اصلی نہیں ہے",
    why: "اسے بدلا گیا ہے، یا کسی اور محکمے نے دستخط کیے ہیں۔", none: "یہ تربیت کی سند نہیں ہے۔",
    old: "یہ براؤزر دستخط جانچنے کے لیے بہت پرانا ہے۔ نئے براؤزر میں کھولیں۔",
    name: "نام", course: "کورس", date: "تکمیل کی تاریخ", issuer: "دستخط",
  },
  hi: {
    heading: "प्रमाणपत्र की जाँच", label: "प्रमाणपत्र का कोड कैमरे से स्कैन करें, या उसका पाठ यहाँ चिपकाएँ।",
    check: "जाँचें", offline: "यह पेज कहीं कुछ नहीं भेजता। सहेज लेने पर बिना नेटवर्क के भी चलता है।",
    good: "यह प्रमाणपत्र असली है", bad: "यह प्रमाणपत्र असली नहीं है",
    why: "इसे बदला गया है, या किसी और विभाग ने हस्ताक्षर किए हैं।", none: "यह प्रशिक्षण का प्रमाणपत्र नहीं है।",
    old: "यह ब्राउज़र हस्ताक्षर जाँचने के लिए बहुत पुराना है। नए ब्राउज़र में खोलें।",
    name: "नाम", course: "पाठ्यक्रम", date: "पूरा करने की तारीख़", issuer: "हस्ताक्षर",
  },
};
const language = navigator.languages.map((one) => one.slice(0, 2)).find((one) => one in WORDS) ?? "en";
const words = WORDS[language];
const keys = new Map(Object.entries(JSON.parse(document.body.dataset.keys)));
const $ = (id) => document.getElementById(id);
document.documentElement.lang = language;
document.documentElement.dir = language === "ur" ? "rtl" : "ltr";
for (const id of ["heading", "label", "check", "offline"]) $(id).textContent = words[id];

function bytes(text) {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) throw new TypeError("no base64url");
  const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(plain, (one) => one.charCodeAt(0));
}

function json(part) {
  return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes(part)));
}

/** Returns the credential of a genuine certificate; null for one that is not; throws for no JWT. */
async function verified(jwt) {
  const parts = jwt.split(".");
  if (parts.length !== 3) throw new TypeError("no JWT");
  const header = json(parts[0]);
  const payload = json(parts[1]);
  const known = typeof payload.iss === "string" ? keys.get(payload.iss) : undefined;
  if (header.alg !== "EdDSA" || known === undefined) return null;
  const raw = Uint8Array.from(atob(known), (one) => one.charCodeAt(0));
  const key = await crypto.subtle.importKey("raw", raw, { name: "Ed25519" }, false, ["verify"]);
  const signed = new TextEncoder().encode(parts[0] + "." + parts[1]);
  const good = await crypto.subtle.verify({ name: "Ed25519" }, key, bytes(parts[2]), signed);
  return good ? payload : null;
}

function show(state, title, lines) {
  const result = $("result");
  result.hidden = false;
  result.dataset.state = state;
  const heading = document.createElement("h2");
  heading.textContent = title;
  const list = document.createElement("dl");
  for (const [name, value] of lines) {
    const term = document.createElement("dt");
    term.textContent = name;
    const text = document.createElement("dd");
    text.textContent = value;
    text.dir = "auto";
    list.append(term, text);
  }
  result.replaceChildren(heading, list);
}

async function check(jwt) {
  try {
    const found = await verified(jwt);
    if (found === null) return show("bad", words.bad, [["", words.why]]);
    const { credentialSubject: subject, issuer } = found;
    const date = new Date(found.validFrom).toLocaleDateString(language, { dateStyle: "long" });
    show("good", words.good, [
      [words.name, subject.identifier[0].identityHash],
      [words.course, subject.achievement.name],
      [words.date, date],
      [words.issuer, issuer.name],
    ]);
  } catch (error) {
    const old = error instanceof DOMException && error.name === "NotSupportedError";
    show("bad", old || crypto.subtle === undefined ? words.old : words.none, []);
  }
}

/** A code holds the address of this page and, behind #, the certificate. */
function given(text) {
  return text.slice(text.indexOf("#") + 1).replace(/\s+/g, "");
}

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  void check(given($("jwt").value));
});
function fromAddress() {
  if (location.hash.length > 1) void check(given(location.hash));
}
addEventListener("hashchange", fromAddress);
fromAddress();
