/** Texts of a language by the files that hold them. */
export type Texts = { readonly [key: string]: string | Texts };

/** Texts by the names of their files: those of `./te/me.json` are `me`. */
export function byName(files: Readonly<Record<string, unknown>>): Readonly<Record<string, Texts>> {
  return Object.fromEntries(
    Object.entries(files).map(([path, texts]) => [path.replace(/^.*\/|\.json$/gu, ""), texts]),
  ) as Record<string, Texts>;
}
