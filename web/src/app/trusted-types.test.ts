import { describe, expect, it } from "vitest";
import { isOwnScript, withoutMarkup } from "./trusted-types.ts";

const ORIGIN = "https://chat.example";

describe("trusted types", () => {
  it.each(["/assets/worker-B1a2C3d4.js", `${ORIGIN}/service-worker.js`])("takes %s", (url) => {
    expect(isOwnScript(url, ORIGIN)).toBe(true);
  });

  it.each([
    ...["https://evil.example/assets/worker.js", "//evil.example/assets/worker.js"],
    ...["data:text/javascript,alert(1)", "blob:https://chat.example/1", "javascript:alert(1)"],
    ...["/v1/attachments/0/chunks/0", "/assets/../v1/x.js", "/assets/x.js/y", "/demo/x.js", ""],
  ])("refuses %s", (url) => {
    expect(isOwnScript(url, ORIGIN)).toBe(false);
  });

  it("makes no markup of text", () => {
    expect(withoutMarkup("<img src=x onerror=alert(1)> & co")).toBe(
      "&lt;img src=x onerror=alert(1)&gt; &amp; co",
    );
  });
});
