/** The numbers or codes of a pasted list, each once, in its order. */
export function pastedCodes(text: string): readonly string[] {
  return [...new Set(text.split(/[\s,;]+/u).filter((one) => one !== ""))];
}
