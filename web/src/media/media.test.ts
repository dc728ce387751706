import { describe, expect, it } from "vitest";
import { signedPlace } from "./position.ts";
import { bubbleBox, fitWithin } from "./encoding/dimensions.ts";
import {
  cutMiddle,
  extension,
  formatCoordinates,
  geoUri,
  isPosition,
  linesOf,
  percent,
  splitName,
} from "./format.ts";
import { renamed } from "./encoding/image.ts";
import { kindOf, prepareFile, staysUntouched } from "./encoding/outgoing.ts";
import { Consent } from "./previewed.ts";
import { safeName } from "./saving.ts";
import { fromLevels, fromSamples, level, normalise, resample } from "./encoding/waveform.ts";

describe("fitWithin", () => {
  it.each([
    [4000, 3000, 2048, 1536],
    [3000, 4000, 1536, 2048],
    [800, 600, 800, 600],
    [2048, 10, 2048, 10],
    [40960, 1, 2048, 1],
    [0, 0, 1, 1],
  ])("%i×%i becomes %i×%i", (width, height, toWidth, toHeight) => {
    expect(fitWithin({ width, height }, 2048)).toEqual({ width: toWidth, height: toHeight });
  });
});

describe("bubbleBox", () => {
  it("keeps the shape, within the limits", () => {
    expect(bubbleBox({ width: 400, height: 300 }, 280, 320)).toEqual({ width: 280, height: 210 });
    expect(bubbleBox({ width: 300, height: 400 }, 280, 320)).toEqual({ width: 240, height: 320 });
  });
  it("crops shapes that are too long", () => {
    expect(bubbleBox({ width: 4000, height: 100 }, 280, 320)).toEqual({ width: 280, height: 140 });
    expect(bubbleBox({ width: 100, height: 4000 }, 280, 320)).toEqual({ width: 160, height: 320 });
  });
  it("has a box for an unknown or absurd size", () => {
    expect(bubbleBox(null, 280, 320)).toEqual({ width: 280, height: 210 });
    expect(bubbleBox({ width: -1, height: 0 }, 280, 320)).toEqual({ width: 280, height: 210 });
  });
});

describe("waveform", () => {
  it("always has 64 whole values from 0 to 100", () => {
    for (const length of [0, 1, 5, 63, 64, 65, 4000]) {
      const levels = Array.from({ length }, (_, i) => (i * 7) % 101);
      const values = fromLevels(levels);
      expect(values).toHaveLength(64);
      expect(values.every((v) => Number.isInteger(v) && v >= 0 && v <= 100)).toBe(true);
    }
  });
  it("is flat for silence and reaches 100 for the loudest", () => {
    expect(fromSamples(new Float32Array(1000))).toEqual(new Array(64).fill(0));
    expect(Math.max(...normalise([3, 9, 6]))).toBe(100);
  });
  it("rises where the sound rises", () => {
    const samples = Float32Array.from({ length: 64_000 }, (_, i) =>
      i < 32_000 ? 0.01 * Math.sin(i) : 0.8 * Math.sin(i),
    );
    const values = fromSamples(samples);
    expect(values[10]).toBeLessThan(values[50] ?? 0);
  });
  it("averages many and repeats few", () => {
    expect(resample([0, 100, 0, 100], 2)).toEqual([50, 50]);
    expect(resample([10, 20], 4)).toEqual([10, 10, 20, 20]);
  });
  it("measures on a decibel scale", () => {
    expect(level(1)).toBe(100);
    expect(level(0)).toBe(0);
    expect(level(0.1)).toBe(60);
  });
});

describe("files", () => {
  it.each([
    ["image/jpeg", "image"],
    ["image/svg+xml", "document"],
    ["image/tiff", "document"],
    ["video/mp4", "video"],
    ["audio/mpeg", "audio"],
    ["application/pdf", "document"],
    ["", "document"],
  ])("%s is sent as %s", (mime, kind) => {
    expect(kindOf(mime)).toBe(kind);
  });
  it("are untouched where they are media that keeps its bytes, unless chosen as documents", async () => {
    const taken = (name: string, type: string): File => new File(["x"], name, { type });
    // Node decodes no pictures, as a browser does not decode some.
    const photo = taken("gate.heic", "image/heic");
    expect(await prepareFile(photo)).toMatchObject({ file: photo, untouched: true });
    expect(await prepareFile(photo, true)).not.toHaveProperty("untouched");
    expect(await prepareFile(taken("gate.MOV", ""))).toHaveProperty("untouched", true);
    expect(await prepareFile(taken("duty.pdf", "application/pdf"))).not.toHaveProperty("untouched");
    for (const [name, type, stays] of [
      ["call.m4a", "audio/mp4", true],
      ["gate.mov", "", true],
      ["scan.tiff", "image/tiff", true],
      ["gate.mp4", "video/mp4", false],
      ["gate.jpg", "image/jpeg", false],
      ["duty.pdf", "application/pdf", false],
    ] as const)
      expect([name, staysUntouched(taken(name, type))]).toEqual([name, stays]);
  });
  it("go untouched after a press of Send that came below their names", () => {
    const [one, other] = [new File([], "a.heic"), new File([], "b.mp4")];
    const consent = new Consent();
    expect(consent.missing([])).toBeUndefined();
    // Send was pressed while the files were being prepared.
    consent.give([one]);
    expect(consent.missing([one, other])).toBe(other);
    consent.give([one, other]);
    expect(consent.missing([one, other])).toBeUndefined();
    expect(consent.missing([new File([], "edited.jpg")])).toBeDefined();
  });
  it("renames to what a picture was re-encoded to", () => {
    expect(renamed("IMG_2041.HEIC", "image/jpeg")).toBe("IMG_2041.jpg");
    expect(renamed("", "image/jpeg")).toBe("image.jpg");
    expect(renamed("a.b.png", "image/webp")).toBe("a.b.webp");
    expect(renamed("x.gif", "image/gif")).toBe("x.gif");
  });
  it("saves under a name that cannot deceive", () => {
    expect(safeName("../../etc/passwd")).toBe("_.._etc_passwd");
    expect(safeName("report\u202Efdp.exe")).toBe("reportfdp.exe");
    expect(safeName("\u0000")).toBe("file");
    expect(splitName("a.tar.gz")).toEqual({ stem: "a.tar", ending: ".gz" });
    expect(splitName(".profile")).toEqual({ stem: ".profile", ending: "" });
    expect(safeName("invoice.pdf.exe . .")).toBe("invoice.pdf.exe");
    expect(safeName(`${"a".repeat(300)}.pdf.exe`)).toBe(`${"a".repeat(116)}.exe`);
    expect(safeName(`${"😀".repeat(100)}.jpeg`)).toBe(`${"😀".repeat(57)}.jpeg`);
    expect(safeName("నివేదిక.pdf")).toBe("నివేదిక.pdf");
  });
  it("shows short endings only", () => {
    expect(extension("report.pdf")).toBe("PDF");
    expect(extension("archive.tar.gz")).toBe("GZ");
    expect(extension(".profile")).toBe("");
    expect(extension("a.verylongending")).toBe("");
  });
});

describe("places", () => {
  it("writes coordinates and geo addresses", () => {
    expect(formatCoordinates(17.385044, 78.486671)).toBe("17.38504, 78.48667");
    expect(geoUri(17.385044, 78.486671, 12.4)).toBe("geo:17.385044,78.486671;u=12");
    expect(geoUri(-1, 2, null)).toBe("geo:-1.000000,2.000000");
  });
  it("knows what is on this planet", () => {
    expect(isPosition(17, 78)).toBe(true);
    expect(isPosition(91, 0)).toBe(false);
    expect(isPosition(Number.NaN, 0)).toBe(false);
  });
});

it("counts percent without reaching 100 early", () => {
  expect(percent(999, 1000)).toBe(99);
  expect(percent(1000, 1000)).toBe(100);
  expect(percent(5, 0)).toBe(0);
});

describe("names on two lines", () => {
  const widthOf = (text: string): number => [...text].length * 10;

  it("counts lines as a browser breaks them: at spaces and hyphens, else anywhere", () => {
    expect(linesOf("duty roster", 110, widthOf)).toBe(1);
    expect(linesOf("duty roster", 100, widthOf)).toBe(2);
    expect(linesOf("duty-roster", 60, widthOf)).toBe(2);
    expect(linesOf("a rosterwithoutspaces", 80, widthOf)).toBe(4);
  });

  it("cuts the middle of a name, never a letter, and leaves what fits", () => {
    const fits = (stem: string): boolean => linesOf(`${stem}.pdf`, 180, widthOf) <= 2;
    expect(cutMiddle("Duty roster", fits)).toBe("Duty roster");
    const cut = cutMiddle("Duty roster of the south zone, revised twice", fits);
    expect(cut).toMatch(/^Duty roster.*….*twice$/u);
    expect(fits(cut)).toBe(true);
    // A Telugu syllable stays whole.
    const telugu = cutMiddle("క్షేత్ర".repeat(12), fits);
    expect(telugu).toMatch(/^(?:క్షే|త్ర)+…(?:క్షే|త్ర)+$/u);
  });
});

it("signs no place whose accuracy the phone does not say", () => {
  const found = { kind: "location", latitude: 17.36, longitude: 78.47, takenMs: 5 } as const;
  expect(signedPlace({ ...found, accuracyM: null })).toBeNull();
  expect(signedPlace({ ...found, accuracyM: 12 })).toEqual({
    ...{ lat: 17.36, lon: 78.47, accuracyM: 12 },
  });
});
