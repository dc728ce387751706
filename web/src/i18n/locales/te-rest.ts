/** The words of every screen but the first: they come after it. */
export const teRest = import.meta.glob(
  ["./te/*.json", "!./te/{app,chats,exports,first,oversee,reports,training}.json"],
  { eager: true, import: "default" },
);
