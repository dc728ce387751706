/** Parameters of requests: of a search in its body, of others in the address. Pure. */

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** The parameters that have a value, as texts. */
export function given(parameters: Query): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, value] of Object.entries(parameters))
    if (value !== undefined && value !== "") found[name] = String(value);
  return found;
}

/** The end of an address. Names and numbers do not belong there: proxies log addresses. */
export function query(parameters: Query): string {
  const text = new URLSearchParams(given(parameters)).toString();
  return text === "" ? "" : `?${text}`;
}
