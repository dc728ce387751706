/** A version of the code of conduct while it is written: every rule in every language. Pure. */
import {
  CONDUCT_RULES,
  CONDUCT_RULE_CHARACTERS,
  LANGUAGES,
  type ConductText,
  type Language,
} from "@copconnect/client/wire";

export type ConductDraft = Readonly<Record<Language, ConductText>>;

export interface ConductProblem {
  readonly kind: "title" | "rule" | "long";
  readonly language: Language;
  /** The rule, from 1; 0: the title. */
  readonly number: number;
}

/** The draft of stored texts. A language that is missing begins empty. */
export function draftOf(texts: readonly ConductText[]): ConductDraft {
  const rules = texts.find(({ language }) => language === "en")?.rules.length ?? 0;
  const of = (language: Language): ConductText => {
    const text = texts.find((one) => one.language === language);
    return {
      language,
      title: text?.title ?? "",
      rules: Array.from({ length: rules }, (_, index) => text?.rules[index] ?? ""),
    };
  };
  return { en: of("en"), te: of("te"), ur: of("ur"), hi: of("hi") };
}

/** The texts as they are published: without blanks around them. */
export function textsOf(draft: ConductDraft): ConductText[] {
  return LANGUAGES.map((language) => {
    const { title, rules } = draft[language];
    return { language, title: title.trim(), rules: rules.map((rule) => rule.trim()) };
  });
}

export function withTitle(draft: ConductDraft, language: Language, title: string): ConductDraft {
  return { ...draft, [language]: { ...draft[language], title } };
}

export function withRule(
  draft: ConductDraft,
  language: Language,
  index: number,
  rule: string,
): ConductDraft {
  const rules = draft[language].rules.map((one, at) => (at === index ? rule : one));
  return { ...draft, [language]: { ...draft[language], rules } };
}

function inAll(draft: ConductDraft, change: (rules: readonly string[]) => string[]): ConductDraft {
  const of = (text: ConductText): ConductText => ({ ...text, rules: change(text.rules) });
  return { en: of(draft.en), te: of(draft.te), ur: of(draft.ur), hi: of(draft.hi) };
}

/** One more rule at the end, in every language. */
export function withOneMore(draft: ConductDraft): ConductDraft {
  if (draft.en.rules.length >= CONDUCT_RULES) return draft;
  return inAll(draft, (rules) => [...rules, ""]);
}

export function without(draft: ConductDraft, index: number): ConductDraft {
  return inAll(draft, (rules) => rules.filter((_, at) => at !== index));
}

/** The rule one place further up. */
export function raised(draft: ConductDraft, index: number): ConductDraft {
  if (index < 1 || index >= draft.en.rules.length) return draft;
  return inAll(draft, (rules) => {
    const moved = [...rules];
    moved.splice(index - 1, 2, rules[index] ?? "", rules[index - 1] ?? "");
    return moved;
  });
}

/** The reasons for which the server would refuse it. */
export function problemsOf(draft: ConductDraft): readonly ConductProblem[] {
  return LANGUAGES.flatMap((language) => {
    const { title, rules } = draft[language];
    const found: ConductProblem[] =
      title.trim() === "" ? [{ kind: "title", language, number: 0 }] : [];
    rules.forEach((rule, index) => {
      const number = index + 1;
      if (rule.trim() === "") found.push({ kind: "rule", language, number });
      // The server counts characters, not halves of them.
      else if ([...rule.trim()].length > CONDUCT_RULE_CHARACTERS)
        found.push({ kind: "long", language, number });
    });
    return found;
  });
}

export function isSame(draft: ConductDraft, texts: readonly ConductText[]): boolean {
  return JSON.stringify(textsOf(draft)) === JSON.stringify(textsOf(draftOf(texts)));
}
