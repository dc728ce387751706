/** The console's words in Hindi. */
export const hi = import.meta.glob("./hi/*.json", { eager: true, import: "default" });
