import { describe, expect, it } from "vitest";
import { ROTATE_AFTER_MESSAGES, ROTATE_AFTER_MS, keyDue } from "./key_due.ts";

const GROUP = { epoch: 7, cellId: "c".repeat(32) };
const CLIENTS = Array.from({ length: 50 }, (_, i) => i.toString(16).padStart(32, "0"));
const BEGAN_MS = 1_800_000_000_000;
const FRESH = { unkeyedEpoch: null, epochMs: BEGAN_MS, sealedInEpoch: 0 };

describe("a cell's key", () => {
  it("is used for a day at least, and for a tenth more at most", () => {
    for (const client of CLIENTS) {
      expect(keyDue(FRESH, GROUP, client, BEGAN_MS + ROTATE_AFTER_MS)).toBeNull();
      expect(keyDue(FRESH, GROUP, client, BEGAN_MS + 1.1 * ROTATE_AFTER_MS)).toBe("rotate");
    }
  });

  it("is used for a thousand messages at least, and for a tenth more at most", () => {
    for (const client of CLIENTS) {
      const after = (sealedInEpoch: number) =>
        keyDue({ ...FRESH, sealedInEpoch }, GROUP, client, BEGAN_MS);
      expect(after(ROTATE_AFTER_MESSAGES)).toBeNull();
      expect(after(1.1 * ROTATE_AFTER_MESSAGES)).toBe("rotate");
    }
  });

  it("is due at one member after another, in another order in each epoch", () => {
    const ordered = (epoch: number): readonly string[] => {
      const due = (client: string): number => {
        let [early, late] = [BEGAN_MS, BEGAN_MS + 2 * ROTATE_AFTER_MS];
        while (late - early > 1) {
          const middle = Math.floor((early + late) / 2);
          if (keyDue(FRESH, { ...GROUP, epoch }, client, middle) === null) early = middle;
          else late = middle;
        }
        return late;
      };
      const times = new Map(CLIENTS.map((client) => [client, due(client)]));
      expect(new Set(times.values()).size).toBe(CLIENTS.length);
      return [...CLIENTS].sort((a, b) => (times.get(a) ?? 0) - (times.get(b) ?? 0));
    };
    expect(ordered(7)).not.toEqual(ordered(8));
  });

  it("is to be published where its epoch has none, however young", () => {
    expect(keyDue({ ...FRESH, unkeyedEpoch: 7 }, GROUP, "", BEGAN_MS)).toBe("publish");
    expect(keyDue({ ...FRESH, unkeyedEpoch: 6 }, GROUP, "", BEGAN_MS)).toBeNull();
  });
});
