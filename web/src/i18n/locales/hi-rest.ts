/** The words of every screen but the first: they come after it. */
export const hiRest = import.meta.glob(
  ["./hi/*.json", "!./hi/{app,chats,exports,first,oversee,reports,training}.json"],
  { eager: true, import: "default" },
);
