/** The label of a device in the list of one's devices: "Chrome, Android". Pure. */
const BROWSERS: readonly (readonly [RegExp, string])[] = [
  [/\bEdgA?\//, "Edge"],
  [/\bSamsungBrowser\//, "Samsung Internet"],
  [/\bOPR\//, "Opera"],
  [/\b(?:Firefox|FxiOS)\//, "Firefox"],
  [/\b(?:Headless)?Chrome\/|\bCriOS\//, "Chrome"],
  [/\bSafari\//, "Safari"],
];
const SYSTEMS: readonly (readonly [RegExp, string])[] = [
  [/Android/, "Android"],
  [/iPhone/, "iPhone"],
  [/iPad/, "iPad"],
  [/CrOS/, "ChromeOS"],
  [/Windows/, "Windows"],
  [/Mac OS X/, "Mac"],
  [/Linux/, "Linux"],
];

function firstMatch(agent: string, known: readonly (readonly [RegExp, string])[]): string[] {
  return known
    .filter(([pattern]) => pattern.test(agent))
    .slice(0, 1)
    .map(([, name]) => name);
}

export function deviceLabel(agent: string): string {
  const parts = [...firstMatch(agent, BROWSERS), ...firstMatch(agent, SYSTEMS)];
  return parts.length === 0 ? "Browser" : parts.join(", ");
}
