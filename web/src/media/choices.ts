/** One of the things that the attach sheet offers. */
import type { Component } from "svelte";
import type { TextKey } from "#i18n/index.svelte.ts";

export interface Choice {
  readonly label: TextKey;
  readonly icon: Component<{ size?: number | string }>;
  /** Which of the stable tints. */
  readonly tint: number;
  readonly run: () => void;
}
