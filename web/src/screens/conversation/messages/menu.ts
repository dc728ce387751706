/** How a message asks for its menu. */
import type { MessageItem } from "@copconnect/client/core";

/**
 * `element`: the menu opens beside it, and the focus returns to it. `point`: the menu opens there
 * instead, in pixels of the window.
 */
export type OpenMenu = (
  message: MessageItem,
  element: HTMLElement,
  point: { readonly x: number; readonly y: number } | null,
) => void;
