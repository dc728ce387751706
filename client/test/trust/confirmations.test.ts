import "fake-indexeddb/auto";
import type { ConfirmationId } from "#core/ids.ts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Api } from "#core/transport/api.ts";
import type { ConfirmationView } from "#core/core.ts";
import { DAY_MS, MINUTE_MS } from "#core/keys/format/times.ts";
import { digitsCommitment } from "#core/keys/trust/digits.ts";
import { POLICY_APPROVAL } from "#core/keys/trust/department.ts";
import { fromHex } from "#core/octets.ts";
import type { Confirmation } from "#core/wire.ts";
import { MemoryServer } from "../memory/server.ts";
import { grant } from "../support/department.ts";
import { Phone, codeOf, confirmedOf, type Clock } from "./phone.ts";
import { NOW } from "./scene.ts";

let clock: Clock;
let server: MemoryServer;
let old: Phone;
let fresh: Phone;

/** One officer's phone, endorsed by the desk, and their second one, which nobody vouches for. */
beforeEach(async () => {
  clock = { ms: NOW };
  server = await MemoryServer.start({ policy: "approval", now: () => clock.ms });
  expect(server.department.newest.policy).toBe(POLICY_APPROVAL);
  old = await Phone.register(server, clock, 1, "Old phone");
  clock.ms += MINUTE_MS;
  await old.services.onAccountEvent("clients");
  fresh = await Phone.register(server, clock, 1, "New phone");
});

afterEach(() => server.close());

async function begun(): Promise<ConfirmationView> {
  const [waiting] = await old.calls.unconfirmed();
  if (waiting === undefined) throw new Error("nothing waits");
  return old.calls.beginConfirmation(waiting.device);
}

/** Both sides, as far as they come by a tap on the new device and hints of the server. */
async function halves(): Promise<{ readonly id: ConfirmationId; readonly digits: string }> {
  const { confirmationId } = await begun();
  await tap(fresh, confirmationId);
  await old.services.onAccountEvent("confirmation");
  await fresh.services.onAccountEvent("confirmation");
  const shown = (await fresh.calls.confirmations())[0];
  if (shown === undefined || shown.digits === null) throw new Error("no digits are shown");
  return { id: confirmationId, digits: shown.digits };
}

/** The new device learns of the comparison, and its person taps the name of the other. */
async function tap(phone: Phone, id: ConfirmationId): Promise<void> {
  await phone.services.onAccountEvent("confirmation");
  await phone.calls.answerConfirmation(id);
}

/** The desk grants the whole department to a phone's person. */
async function grantTo({ personId }: Phone): Promise<void> {
  const right = await grant(server.desk, personId, "TG", clock.ms);
  await server.judge.records.addGrant(right.bytes);
  const person = await server.people.person(personId);
  person.grants.push(right.bytes);
  server.people.changed(person);
}

/** The server tells the new device that these people can confirm it. */
function serverNames(confirmers: readonly unknown[]): void {
  fresh.intercept = (path, answer) =>
    path.endsWith("/me") ? { ...(answer as object), confirmers } : answer;
}

/** The people whom the new device's screen names, after an event. */
async function shownAfter(event: "clients" | "trust") {
  await fresh.services.onAccountEvent(event);
  const { confirmers } = await fresh.state();
  return confirmers.map(({ personId, number }) => [personId, number]);
}

/**
 * Comparisons that the server alone begins in the old phone's name: it commits to an `a` that it
 * chose.
 */
function serverOffers(count: number): readonly Confirmation[] {
  return Array.from({ length: count }, (_, index) => ({
    ...{ confirmationId: index.toString(16).padStart(32, "0") as ConfirmationId },
    ...{ endorserPersonId: old.personId, endorserDevice: old.device },
    newDevice: fresh.device,
    commitment: digitsCommitment(new Uint8Array(16).fill(index), fromHex(old.device)),
    ...{ answer: null, secret: null, createdMs: clock.ms + index, expiresMs: clock.ms + DAY_MS },
  }));
}

/** A server that lists these to a phone, and what of them that phone has answered. */
function serve(phone: Phone, offers: readonly Confirmation[], answered = new Set<string>()) {
  phone.api.confirmations = () => Promise.resolve({ confirmations: [...offers] });
  phone.api.cancelConfirmation = () => Promise.resolve();
  phone.api.answerConfirmation = (id, { answer }) => {
    answered.add(id);
    const offer = offers.find(({ confirmationId }) => confirmationId === id);
    return Promise.resolve({ ...(offer as Confirmation), answer });
  };
  return answered;
}

function wrong(digits: string): string {
  return String((Number(digits) + 1) % 1_000_000).padStart(6, "0");
}

describe("E3: comparing digits", () => {
  test("the new device waits, shows digits, and is confirmed by the one that types them", async () => {
    expect((await fresh.state()).confirmed).toBe("no");
    expect((await fresh.state()).confirmers.map(({ personId }) => personId)).toContain(
      old.personId,
    );
    const [waiting] = await old.calls.unconfirmed();
    expect(waiting).toMatchObject({ device: fresh.device, label: "New phone", own: true });
    const { id, digits } = await halves();
    expect((await old.calls.confirmations())[0]).toMatchObject({
      ...{ role: "confirming", state: "digits", digits: null, triesLeft: 5 },
    });
    clock.ms += MINUTE_MS;
    const done = await old.calls.confirmDigits(id, ` ${digits.slice(0, 3)} ${digits.slice(3)}`);
    expect(done.state).toBe("confirmed");
    await fresh.services.onAccountEvent("clients");
    await fresh.services.onAccountEvent("confirmation");
    expect((await fresh.state()).confirmed).toBe("own_device");
    expect((await fresh.calls.confirmations())[0]?.state).toBe("confirmed");
    expect(await old.calls.unconfirmed()).toEqual([]);
    // Said again, it changes nothing.
    expect((await old.calls.confirmDigits(id, digits)).state).toBe("confirmed");
  });

  test("nothing of a comparison stays in memory once the app is locked", async () => {
    const { id } = await halves();
    const { confirmations } = old.services;
    await old.vault.setPin("471100", null);
    old.services.reset();
    await old.vault.lock();
    expect([confirmations.rows, confirmations.offers]).toEqual([[], []]);
    await old.vault.unlock("471100");
    await old.services.load();
    expect(confirmations.rows.map(({ confirmationId }) => confirmationId)).toEqual([id]);
  });

  test("the new device answers nothing until its person taps, and one comparison at a time", async () => {
    // A server with a ghost needs a million answers to make the digits of two phones equal.
    const offers = serverOffers(101);
    const answered = serve(fresh, offers.slice(0, 100));
    for (let hint = 0; hint < 3; hint++) await fresh.services.onAccountEvent("confirmation");
    await fresh.connect();
    expect(answered.size).toBe(0);
    // Its person sees one name, not a hundred.
    const [offer, ...more] = await fresh.calls.confirmations();
    expect(more).toEqual([]);
    expect(offer).toMatchObject({ role: "new", state: "asked", digits: null });
    expect(offer?.plate?.personId).toBe(old.personId);

    const { confirmationId } = offer as ConfirmationView;
    await fresh.calls.answerConfirmation(confirmationId);
    await fresh.calls.answerConfirmation(confirmationId);
    for (let hint = 0; hint < 3; hint++) await fresh.services.onAccountEvent("confirmation");
    expect([...answered]).toEqual([confirmationId]);
    // Another tap ends the first comparison: its secret shows no digits any more.
    serve(fresh, offers, answered);
    await fresh.services.onAccountEvent("confirmation");
    const next = (await fresh.calls.confirmations()).find(({ state }) => state === "asked");
    await fresh.calls.answerConfirmation((next as ConfirmationView).confirmationId);
    const halves = { answer: new Uint8Array(16), secret: new Uint8Array(16).fill(99) };
    serve(
      fresh,
      offers.map((one) => ({ ...one, ...(one.confirmationId === confirmationId ? halves : {}) })),
      answered,
    );
    await fresh.services.onAccountEvent("confirmation");
    const rows = (await fresh.calls.confirmations()).filter(({ state }) => state !== "asked");
    expect(rows.map(({ state, digits }) => [state, digits]).sort()).toEqual([
      ["begun", null],
      ["over", null],
    ]);
  });

  test("five taps a day by the device's own count, and ten minutes by its own clock", async () => {
    const offers = serverOffers(7);
    const { confirmations, answerConfirmation } = Api.prototype;
    const answered = new Set<string>();
    const answer = async (index: number): Promise<ConfirmationView> => {
      serve(fresh, offers.slice(index, index + 1), answered);
      await fresh.services.onAccountEvent("confirmation");
      return fresh.calls.answerConfirmation(offers[index]?.confirmationId as ConfirmationId);
    };
    for (let index = 0; index < 5; index++) {
      expect((await answer(index)).state).toBe("begun");
      // The server says that it lasts a day.
      clock.ms += 10 * MINUTE_MS;
      expect((await fresh.calls.confirmations())[0]).toMatchObject({ state: "over", code: null });
      if (index === 2) await fresh.restart();
    }
    expect(await codeOf(answer(5))).toBe("answers_wait");
    expect(answered.size).toBe(5);
    // The code needs no answer: a server that made its person tap in vain has shut nobody out.
    Object.assign(fresh.api, { confirmations, answerConfirmation });
    const { confirmationId } = await begun();
    await fresh.services.onAccountEvent("confirmation");
    const asked = (await fresh.calls.confirmations()).find(({ state }) => state === "asked");
    expect(asked?.confirmationId).toBe(confirmationId);
    expect(await codeOf(fresh.calls.answerConfirmation(confirmationId))).toBe("answers_wait");
    const done = await old.calls.confirmDigits(confirmationId, asked?.code ?? "");
    expect(done.state).toBe("confirmed");
  });

  test("the next day has its own five", async () => {
    for (const [index, offer] of serverOffers(6).entries()) {
      serve(fresh, [offer]);
      await fresh.services.onAccountEvent("confirmation");
      await fresh.calls.answerConfirmation(offer.confirmationId);
      if (index === 4) clock.ms += DAY_MS;
    }
    expect((await fresh.calls.confirmations())[0]?.state).toBe("begun");
  });

  test("a QR code carries both devices and the root key: another phone's is refused", async () => {
    const { confirmationId: id } = await begun();
    await tap(fresh, id);
    const code = (await fresh.calls.confirmations())[0]?.code ?? "";
    const ghost = await Phone.register(server, clock, 1, "Ghost");
    const ghosts = await old.calls.beginConfirmation(ghost.device);
    await tap(ghost, ghosts.confirmationId);
    const other = (await ghost.calls.confirmations())[0]?.code ?? "";
    expect(await codeOf(old.calls.confirmDigits(id, other))).toBe("digits_wrong");
    // No digits were guessed, so that no try is spent.
    const triesLeft = (await old.calls.confirmations()).map((one) => one.triesLeft);
    expect(triesLeft).toEqual([5, 5]);
    // The endorser's phone decides by the two devices: it needs no half of the new one.
    expect((await old.calls.confirmDigits(id, code)).state).toBe("confirmed");
  });

  test("five wrong tries a day end it, also over a restart and another comparison", async () => {
    const { id, digits } = await halves();
    for (const triesLeft of [4, 3]) {
      const attempt = old.calls.confirmDigits(id, wrong(digits));
      await expect(attempt).rejects.toMatchObject({ code: "digits_wrong", details: { triesLeft } });
    }
    await old.restart();
    for (const triesLeft of [2, 1, 0]) {
      await old.connect();
      const attempt = old.calls.confirmDigits(id, wrong(digits));
      await expect(attempt).rejects.toMatchObject({ code: "digits_wrong", details: { triesLeft } });
    }
    expect((await old.calls.confirmations())[0]?.state).toBe("refused");
    expect(await codeOf(old.calls.confirmDigits(id, digits))).toBe("confirmation_over");
    expect(await codeOf(begun())).toBe("digits_wait");
    expect(await confirmedOf(old, fresh.device, clock)).toBe("no");
    clock.ms += DAY_MS;
    expect((await begun()).state).toBe("begun");
  });

  test("a server that exchanges a half makes the digits differ", async () => {
    for (const half of ["answer", "secret"] as const) {
      const { confirmationId } = await begun();
      const phone = half === "answer" ? old : fresh;
      phone.intercept = (path, answer) => {
        if (!path.endsWith("/confirmations")) return answer;
        const { confirmations } = answer as { confirmations: Record<string, unknown>[] };
        return {
          confirmations: confirmations.map((one) => ({
            ...one,
            [half]: one[half] === null ? null : new Uint8Array(16).fill(9),
          })),
        };
      };
      await tap(fresh, confirmationId);
      await old.services.onAccountEvent("confirmation");
      await fresh.services.onAccountEvent("confirmation");
      phone.intercept = (_, answer) => answer;
      const [shown] = await fresh.calls.confirmations();
      if (half === "secret") expect(shown).toMatchObject({ state: "refused", digits: null });
      else
        expect(
          await codeOf(
            old.calls.confirmDigits(
              (shown?.confirmationId ?? "") as ConfirmationId,
              shown?.digits ?? "",
            ),
          ),
        ).toBe("digits_wrong");
      for (const { confirmationId } of await old.calls.confirmations())
        await old.calls.cancelConfirmation(confirmationId);
      await fresh.services.onAccountEvent("confirmation");
      clock.ms += 30 * MINUTE_MS;
      await fresh.connect();
    }
    expect(await confirmedOf(old, fresh.device, clock)).toBe("no");
  });

  test("a server that shows the endorser another device gets the wrong digits", async () => {
    const ghost = await Phone.register(server, clock, 1, "Ghost");
    // The old phone means the new one, and the server says that it is the ghost.
    const view = await old.calls.beginConfirmation(ghost.device);
    await tap(ghost, view.confirmationId);
    for (const phone of [old, ghost]) await phone.services.onAccountEvent("confirmation");
    const ghostDigits = (await ghost.calls.confirmations())[0]?.digits;
    const mine = await halves();
    expect(ghostDigits).not.toBe(mine.digits);
    const attempt = old.calls.confirmDigits(view.confirmationId, mine.digits);
    expect(await codeOf(attempt)).toBe("digits_wrong");
  });

  test("ends by itself, and by being cancelled on either side", async () => {
    await halves();
    clock.ms += 11 * MINUTE_MS;
    await old.connect();
    await fresh.connect();
    expect((await old.calls.confirmations())[0]?.state).toBe("over");
    expect((await fresh.calls.confirmations())[0]?.state).toBe("over");
    const { id } = await halves();
    await fresh.calls.cancelConfirmation(id);
    await old.services.onAccountEvent("confirmation");
    expect((await old.calls.confirmations())[0]?.state).toBe("over");
    clock.ms += 30 * MINUTE_MS;
    await old.connect();
    expect(await old.calls.confirmations()).toEqual([]);
  });

  test("a matched comparison posts its endorsement at the next connection", async () => {
    const { id, digits } = await halves();
    const post = server.trust.endorse.bind(server.trust);
    server.trust.endorse = () => Promise.reject(new TypeError("the server ended"));
    await expect(old.calls.confirmDigits(id, digits)).rejects.toThrow();
    server.trust.endorse = post;
    // So late that the server would not take the first one's date.
    clock.ms += 20 * MINUTE_MS;
    await old.restart();
    await old.connect();
    expect((await old.calls.confirmations())[0]?.state).toBe("confirmed");
    expect(await confirmedOf(old, fresh.device, clock)).toBe("own_device");
  });
});

describe("who may confirm", () => {
  test("E0: the waiting phone is sent to people whose signed grants reach it, with their numbers", async () => {
    const chief = await Phone.register(server, clock, 2, "Chief");
    const other = await Phone.register(server, clock, 3, "Another");
    const named = [
      { personId: chief.personId, number: "+919000000002" },
      { personId: other.personId, number: "+919000000003" },
      { personId: old.personId, number: "" },
    ];
    serverNames(named);
    const shown = () => shownAfter("clients");
    // The server names two people without a grant: nobody is sent to them.
    expect(await shown()).toEqual([[old.personId, ""]]);
    await grantTo(chief);
    clock.ms += MINUTE_MS;
    expect(await shown()).toEqual([
      [chief.personId, "+919000000002"],
      [old.personId, ""],
    ]);
  });

  test("E3: somebody who became an admin meanwhile is shown by name at the first look", async () => {
    const chief = await Phone.register(server, clock, 2, "Chief");
    await grantTo(chief);
    await server.trust.revokeByAuthority(old.clientId);
    clock.ms += MINUTE_MS;
    await chief.services.onAccountEvent("clients");
    const { confirmationId } = await chief.calls.beginConfirmation(fresh.device);
    await fresh.services.onAccountEvent("confirmation");
    expect(await fresh.calls.confirmations()).toMatchObject([
      { confirmationId, state: "asked", plate: { personId: chief.personId } },
    ]);
  });

  test("E0: a phone that waits learns of an admin whom the next department record names", async () => {
    const chief = await Phone.register(server, clock, 2, "Chief");
    serverNames([{ personId: chief.personId, number: "" }]);
    const { lowestKem, admins } = server.department.newest;
    await server.department.declare({
      createdMs: clock.ms,
      policy: "approval",
      lowestKem,
      admins: [...admins, fromHex(chief.device)],
    });
    server.state.version++;
    clock.ms += MINUTE_MS;
    expect(await shownAfter("trust")).toEqual([[chief.personId, ""]]);
  });

  test("E2: an unconfirmed device confirms nobody", async () => {
    const third = await Phone.register(server, clock, 1, "Third");
    expect(await codeOf(fresh.calls.beginConfirmation(third.device))).toBe("device_unconfirmed");
  });

  test("E0: another officer without a grant does not, one with it does; E4 asks for the old phone", async () => {
    const chief = await Phone.register(server, clock, 2, "Chief");
    await chief.services.onAccountEvent("clients");
    const trust = chief.services.trust;
    await trust.ensure([old.personId]);
    expect(await codeOf(chief.calls.beginConfirmation(fresh.device))).toBe("no_grant");
    await grantTo(chief);
    clock.ms += MINUTE_MS;
    // The old phone is confirmed and not revoked: it confirms the new one, not an admin.
    expect(await codeOf(chief.calls.beginConfirmation(fresh.device))).toBe("other_device");
    // Signed out, it is revoked by the roster authority alone: the chief's phone revokes it too (E4).
    await server.trust.revokeByAuthority(old.clientId);
    clock.ms += MINUTE_MS;
    const view = await chief.calls.beginConfirmation(fresh.device);
    await tap(fresh, view.confirmationId);
    for (const phone of [chief, fresh]) await phone.services.onAccountEvent("confirmation");
    const digits = (await fresh.calls.confirmations())[0]?.digits ?? "";
    const done = await chief.calls.confirmDigits(view.confirmationId, digits);
    expect(done.state).toBe("confirmed");
    expect(await confirmedOf(fresh, fresh.device, clock)).toBe("admin");
    expect(fresh.services.trust.judge.isRemoved(old.device, clock.ms)).toBe(true);
  });

  test("the server's word on whose device it is counts for nothing", async () => {
    const other = await Phone.register(server, clock, 3, "Another's");
    old.intercept = (path, answer) => {
      if (!path.endsWith("/unconfirmed")) return answer;
      const { devices } = answer as { devices: Record<string, unknown>[] };
      return { devices: devices.map((one) => ({ ...one, device: other.device })) };
    };
    const [waiting] = await old.calls.unconfirmed();
    expect(waiting?.device).toBe(other.device);
    const attempt = old.calls.beginConfirmation(other.device);
    expect(await codeOf(attempt)).toBe("trust_invalid");
  });
});
