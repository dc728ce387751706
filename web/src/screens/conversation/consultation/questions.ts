/** Questions found by words, among them or among their accepted answers. Pure. */
import type { MessageItem } from "@copconnect/client/core";
import { previewText } from "#i18n/talk.ts";

export function matchingQuestions(
  questions: readonly MessageItem[],
  text: string,
  onlyOpen: boolean,
): readonly MessageItem[] {
  const words = folded(text).split(/\s+/u).filter(Boolean);
  return questions.filter(({ body, answer }) => {
    if (body.kind !== "question" || (onlyOpen && body.state.answerId !== null)) return false;
    const said = folded(`${body.text} ${answer === null ? "" : previewText(answer.preview)}`);
    return words.every((word) => said.includes(word));
  });
}

function folded(text: string): string {
  return text.normalize("NFKC").toLocaleLowerCase();
}
