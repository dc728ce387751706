import { describe, expect, it } from "vitest";
import { isIos, notificationNeed, type Circumstances } from "./notification-need.ts";

const READY: Circumstances = {
  ios: false,
  installed: false,
  possible: true,
  push: "off",
  blocked: false,
  on: true,
  keyKnown: true,
  confirmed: true,
};

describe("notificationNeed", () => {
  it("names the first thing that is missing", () => {
    const need = (change: Partial<Circumstances>): string | null =>
      notificationNeed({ ...READY, ...change });
    expect(need({})).toBeNull();
    expect(need({ confirmed: false })).toBe("confirming");
    expect(need({ on: false, confirmed: false })).toBe("ask");
    expect(need({ on: false, keyKnown: null })).toBe("ask");
    expect(need({ on: false, keyKnown: false })).toBe("server");
    expect(need({ on: false, blocked: true, keyKnown: false })).toBe("blocked");
    expect(need({ on: false, push: "unsupported", blocked: true })).toBe("otherBrowser");
    // Safari on a phone has no notifications before it is on the home screen.
    expect(need({ ios: true, possible: false, blocked: true })).toBe("homeScreen");
    expect(need({ ios: true, installed: true, on: false })).toBe("ask");
  });

  it("knows an iPad that says it is a Mac by its touch points", () => {
    const mac = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.0 Safari/605.1.15";
    expect(isIos(mac, 5)).toBe(true);
    expect(isIos(mac, 0)).toBe(false);
    expect(isIos("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)", 5)).toBe(true);
    expect(isIos("Mozilla/5.0 (Linux; Android 15; Pixel 9) Chrome/141.0", 5)).toBe(false);
  });
});
