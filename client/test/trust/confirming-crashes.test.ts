/** E3: a crash at any step of a comparison of digits repeats the step with the same halves. */
import "fake-indexeddb/auto";
import type { ConfirmationId, DeviceId } from "#core/ids.ts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { MINUTE_MS } from "#core/keys/format/times.ts";
import { MemoryServer } from "../memory/server.ts";
import { Phone, confirmedOf, type Clock } from "./phone.ts";
import { NOW } from "./scene.ts";

let clock: Clock;
let server: MemoryServer;
let old: Phone;
let fresh: Phone;

beforeEach(async () => {
  clock = { ms: NOW };
  server = await MemoryServer.start({ policy: "approval", now: () => clock.ms });
  old = await Phone.register(server, clock, 1, "Old phone");
  clock.ms += MINUTE_MS;
  await old.services.onAccountEvent("clients");
  fresh = await Phone.register(server, clock, 1, "New phone");
});

afterEach(() => server.close());

describe("a crash between any two steps", () => {
  const steps = [
    ["old", "POST /v1/confirmations"],
    ["new", "/answer"],
    ["old", "/reveal"],
    ["old", "POST /v1/endorsements"],
  ] as const;
  for (const [who, step] of steps) {
    test(`at ${step}: the comparison continues with the same halves`, async () => {
      const phone = (): Phone => (who === "old" ? old : fresh);
      phone().crashAfter = step;
      const ignore = (): undefined => undefined;
      const [waiting] = await old.calls.unconfirmed();
      await old.calls.beginConfirmation((waiting?.device ?? "") as DeviceId).catch(ignore);
      for (let round = 0; round < 4; round++) {
        await fresh.services.onAccountEvent("confirmation").catch(ignore);
        const [asked] = await fresh.calls.confirmations();
        if (asked?.state === "asked")
          await fresh.calls.answerConfirmation(asked.confirmationId).catch(ignore);
        await old.services.onAccountEvent("confirmation").catch(ignore);
        await fresh.services.onAccountEvent("confirmation").catch(ignore);
        const [shown] = await fresh.calls.confirmations();
        if (shown?.digits != null && round >= 2)
          await old.calls.confirmDigits(shown.confirmationId, shown.digits).catch(ignore);
        if (round > 0) phone().crashAfter = null;
        await phone().restart();
      }
      const [shown] = await fresh.calls.confirmations();
      const last = await old.calls.confirmDigits(
        (shown?.confirmationId ?? "") as ConfirmationId,
        shown?.digits ?? "",
      );
      expect(last.state).toBe("confirmed");
      expect(await confirmedOf(old, fresh.device, clock)).toBe("own_device");
      const person = await server.people.person(old.personId);
      // The desk's, and one by the old phone.
      expect(person.endorsements.length).toBe(2);
    });
  }
});
