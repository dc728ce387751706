import { expect, it } from "vitest";
import { shownStatus } from "./ticks.ts";

it.each(["queued", "sending"] as const)(
  "says of a %s message what the network allows",
  (status) => {
    expect(shownStatus(status, "online")).toBe("sending");
    expect(shownStatus(status, "connecting")).toBe("queued");
    expect(shownStatus(status, "offline")).toBe("queued");
  },
);

it.each(["sent", "read", "failed"] as const)("leaves %s as it is", (status) => {
  expect(shownStatus(status, "offline")).toBe(status);
});
