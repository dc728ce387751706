/** The words that stay in a field once the ones at the press of Send have gone out. */
export function withoutSent(text: string, sent: string): string {
  return text.startsWith(sent) ? text.slice(sent.length).trimStart() : text;
}
