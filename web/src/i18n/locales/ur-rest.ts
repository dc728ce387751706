/** The words of every screen but the first: they come after it. */
export const urRest = import.meta.glob(
  ["./ur/*.json", "!./ur/{app,chats,exports,first,oversee,reports,training}.json"],
  { eager: true, import: "default" },
);
