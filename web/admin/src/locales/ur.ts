/** The console's words in Urdu. */
export const ur = import.meta.glob("./ur/*.json", { eager: true, import: "default" });
