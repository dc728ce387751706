import { afterEach, expect, it, vi } from "vitest";
import { pageIsWhole, sayUnopened } from "./opening.ts";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

it("waits no longer for a style that failed before the wait began", async () => {
  vi.useFakeTimers();
  const links = [{ sheet: {} }, { sheet: null }];
  vi.stubGlobal("document", { readyState: "complete", querySelectorAll: () => links });
  let whole = false;
  void pageIsWhole().then(() => (whole = true));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(whole).toBe(false);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(whole).toBe(true);
});

it("opens as soon as the styles are here", async () => {
  const link: { sheet: null; onload?: () => void } = { sheet: null };
  vi.stubGlobal("document", { readyState: "complete", querySelectorAll: () => [link] });
  const whole = pageIsWhole();
  await Promise.resolve();
  link.onload?.();
  await whole;
});

it("says in the person's language that the app did not load, with a button", () => {
  vi.stubGlobal("document", { createElement: () => ({ setAttribute: () => undefined }) });
  vi.stubGlobal("localStorage", { getItem: () => "te" });
  const replaceChildren = vi.fn();
  sayUnopened({ replaceChildren } as unknown as HTMLElement);
  const [line, button] = replaceChildren.mock.calls[0] as { textContent: string }[];
  expect(line?.textContent).toMatch(/^యాప్/u);
  expect(button).toMatchObject({ textContent: "మళ్లీ తెరవండి", onclick: expect.any(Function) });
});
