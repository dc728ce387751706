/** The screens of exports: each comes with its words, when it is first shown. */
import { loadLater } from "#i18n/index.svelte.ts";

async function withWords<M>(module: Promise<M>): Promise<M> {
  const [loaded] = await Promise.all([module, loadLater("exports")]);
  return loaded;
}

export const exportSheet = () => withWords(import("./ExportSheet.svelte"));
export const verifyPage = () => withWords(import("./VerifyPage.svelte"));
