/**
 * Act when the page is left within a time: a tab that is closed, or an app that is swiped away, may never
 * come back. Returns a function that stops this.
 */
export function whenLeft(act: () => void, withinMs: number): () => void {
  const look = (): void => {
    if (document.visibilityState === "hidden") act();
  };
  const stop = (): void => {
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", look);
  };
  const timer = setTimeout(stop, withinMs);
  document.addEventListener("visibilitychange", look);
  return stop;
}
