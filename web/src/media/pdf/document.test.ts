import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { PdfDocument } from "./document.ts";

/** The answers of pdf.js. */
const pdf = vi.hoisted(() => ({
  pages: 1,
  words: [] as { str: string; hasEOL: boolean }[],
  answers: true,
  asked: 0,
}));
vi.mock("pdfjs-dist/legacy/build/pdf.mjs", () => ({
  PDFWorker: vi.fn(),
  getDocument: () => {
    pdf.asked += 1;
    let end = (_: Error): void => undefined;
    const page = {
      getViewport: () => ({ width: 600, height: 800 }),
      getTextContent: () => Promise.resolve({ items: pdf.words }),
    };
    return {
      promise: new Promise((resolve, reject) => {
        end = reject;
        if (pdf.answers) resolve({ numPages: pdf.pages, getPage: () => Promise.resolve(page) });
      }),
      destroy: () => {
        end(new Error("destroyed"));
        return Promise.resolve();
      },
    };
  },
}));

const terminated = vi.fn();
const closing = (): AbortController => new AbortController();
const file = new Blob(["%PDF"]);

beforeEach(() => {
  Object.assign(pdf, { pages: 1, words: [], answers: true, asked: 0 });
  terminated.mockReset();
  vi.stubGlobal(
    "Worker",
    class {
      terminate = terminated;
    },
  );
});
afterEach(() => vi.unstubAllGlobals());

it("ends its worker when the reader leaves, also while the document opens", async () => {
  pdf.answers = false;
  const early = closing();
  const opening = PdfDocument.open(file, early.signal);
  const refused = expect(opening).rejects.toThrow("destroyed");
  await vi.waitFor(() => expect(pdf.asked).toBe(1));
  early.abort();
  await refused;
  await vi.waitFor(() => expect(terminated).toHaveBeenCalled());

  terminated.mockReset();
  pdf.answers = true;
  const late = closing();
  await PdfDocument.open(file, late.signal);
  expect(terminated).not.toHaveBeenCalled();
  late.abort();
  await vi.waitFor(() => expect(terminated).toHaveBeenCalled());
});

it("starts no worker where the reader has left before the file was read", async () => {
  const left = closing();
  left.abort();
  await expect(PdfDocument.open(file, left.signal)).rejects.toThrow();
  expect(pdf.asked).toBe(0);
});

it("opens 2,000 pages and no more", async () => {
  pdf.pages = 2_000;
  expect((await PdfDocument.open(file, closing().signal)).pages).toBe(2_000);
  pdf.pages = 2_001;
  await expect(PdfDocument.open(file, closing().signal)).rejects.toThrow("pages");
  await vi.waitFor(() => expect(terminated).toHaveBeenCalled());
});

it("reads the first 100,000 characters of a page", async () => {
  pdf.words = Array.from({ length: 30 }, () => ({ str: "x".repeat(9_999), hasEOL: true }));
  const text = await (await PdfDocument.open(file, closing().signal)).textOf(1);
  expect([text.length, text.slice(9_998, 10_001)]).toEqual([100_000, "x\nx"]);
});
