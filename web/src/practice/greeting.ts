/** Whether a text of the exercise is a greeting, in four languages and in English letters. Pure. */
const GREETINGS = [
  ...["good morning", "good night", "good evening", "gud morning", "gm"],
  ...["శుభోదయం", "శుభరాత్రి", "శుభ సాయంత్రం", "shubhodayam"],
  ...["صبح بخیر", "شب بخیر", "السلام علیکم", "subah bakhair"],
  ...["सुप्रभात", "शुभ प्रभात", "शुभ रात्रि", "suprabhat", "shubh prabhat"],
];
/** Words beside a greeting that add nothing to it. */
const BESIDE =
  /\b(?:sir|madam|all|everyone|to|dear|friends|ji)\b|సార్|అందరికీ|صاحب|سب کو|सर|जी|सभी को/gu;

/** A greeting alone; duty talk that begins with one is none. */
export function isGreeting(text: string): boolean {
  const bare = text
    .toLowerCase()
    .replace(BESIDE, " ")
    .replace(/[^\p{L}\p{M}\s]/gu, " ")
    .replace(/\s+/gu, " ")
    .trim();
  return GREETINGS.includes(bare);
}
