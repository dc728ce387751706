/**
 * Arrow keys, Home and End move the focus among the `[data-row]` elements of a list. Works with
 * virtual lists: they keep some rows beyond the edge, and focusing one scrolls it into view.
 */
export function moveAmongRows(event: KeyboardEvent, list: HTMLElement | null): void {
  if (list === null || event.altKey || event.ctrlKey || event.metaKey) return;
  const rows = [...list.querySelectorAll<HTMLElement>("[data-row]")].filter(
    (row) => row.getClientRects().length > 0,
  );
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const to =
    event.key === "ArrowDown"
      ? rows[at + 1]
      : event.key === "ArrowUp"
        ? rows[at < 0 ? rows.length - 1 : at - 1]
        : undefined;
  if (to === undefined) return;
  event.preventDefault();
  to.focus({ preventScroll: true });
  to.scrollIntoView({ block: "nearest" });
}
