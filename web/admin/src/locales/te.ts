/** The console's words in Telugu. */
export const te = import.meta.glob("./te/*.json", { eager: true, import: "default" });
