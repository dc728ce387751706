/**
 * A PDF that somebody sent, page by page.
 *
 * Invariants: its bytes are parsed in a worker; neither its scripts nor its forms run, its links lead
 * nowhere, and it fetches nothing but the app's own two decoders of scanned pictures. The worker ends when
 * its reader leaves, also while the document opens.
 */
import {
  getDocument,
  PDFWorker,
  type PDFDocumentProxy,
  type PDFPageProxy,
} from "pdfjs-dist/legacy/build/pdf.mjs";
import jbig2 from "pdfjs-dist/wasm/jbig2.wasm?url";
import openjpeg from "pdfjs-dist/wasm/openjpeg.wasm?url";

/** A larger picture would take all memory of a cheap phone. */
const MOST_PIXELS = 50_000_000;
/** The same for the canvas of one page. */
const MOST_CANVAS_PIXELS = 8_000_000;
/** Each page is an element of the screen; a longer document can be saved. */
const MOST_PAGES = 2_000;
/** More than a page shows; a page may hold any number of hidden characters. */
const MOST_CHARACTERS = 100_000;

const DECODERS: Readonly<Record<string, string>> = {
  "jbig2.wasm": jbig2,
  "openjpeg.wasm": openjpeg,
};

/** pdf.js asks here for all that it would fetch. */
class OwnFiles {
  async fetch({ filename }: { readonly filename: string }): Promise<Uint8Array> {
    const url = DECODERS[filename];
    if (url === undefined) throw new Error(`PDFs are shown without ${filename}`);
    return new Uint8Array(await (await fetch(url)).arrayBuffer());
  }
}

export interface PageSize {
  readonly width: number;
  readonly height: number;
}

export class PdfDocument {
  readonly #document: PDFDocumentProxy;
  /** By page, as far as they were asked for. */
  readonly #pages = new Map<number, Promise<PDFPageProxy>>();
  /** The size of the first page: most have it. */
  readonly size: PageSize;

  private constructor(document: PDFDocumentProxy, size: PageSize) {
    this.#document = document;
    this.size = size;
  }

  /**
   * Open a document until `closing` is aborted. Rejects with the name `PasswordException` where it asks
   * for a password.
   */
  static async open(file: Blob, closing: AbortSignal): Promise<PdfDocument> {
    const data = new Uint8Array(await file.arrayBuffer());
    closing.throwIfAborted();
    const port = new Worker(new URL("./pdf-worker.ts", import.meta.url), { type: "module" });
    const worker = new PDFWorker({ port } as never);
    const task = getDocument({
      ...{ data, worker },
      ...{ useWorkerFetch: false, BinaryDataFactory: OwnFiles, wasmUrl: "own/" },
      ...{ enableXfa: false, maxImageSize: MOST_PIXELS },
    });
    const close = (): void => {
      void task
        .destroy()
        .catch(() => undefined)
        .finally(() => port.terminate());
    };
    closing.addEventListener("abort", close);
    try {
      const document = await task.promise;
      if (document.numPages > MOST_PAGES) throw new Error(`more than ${MOST_PAGES} pages`);
      const { width, height } = (await document.getPage(1)).getViewport({ scale: 1 });
      return new PdfDocument(document, { width, height });
    } catch (error) {
      close();
      throw error;
    }
  }

  get pages(): number {
    return this.#document.numPages;
  }

  async sizeOf(number: number): Promise<PageSize> {
    const { width, height } = (await this.#page(number)).getViewport({ scale: 1 });
    return { width, height };
  }

  /** The words of a page, for a screen reader; of very many, the first. */
  async textOf(number: number): Promise<string> {
    const { items } = await (await this.#page(number)).getTextContent();
    let text = "";
    for (const one of items) {
      if ("str" in one) text += one.str + (one.hasEOL ? "\n" : "");
      if (text.length >= MOST_CHARACTERS) break;
    }
    return text.slice(0, MOST_CHARACTERS);
  }

  /** Draw a page so many device pixels wide. Returns what calls it off. */
  draw(number: number, canvas: HTMLCanvasElement, pixels: number, done: () => void): () => void {
    let stop: (() => void) | null = null;
    let stopped = false;
    void (async () => {
      const page = await this.#page(number);
      const { width, height } = page.getViewport({ scale: 1 });
      const most = Math.sqrt(MOST_CANVAS_PIXELS / (width * height));
      const viewport = page.getViewport({ scale: Math.min(pixels / width, most) });
      if (stopped) return;
      canvas.width = Math.floor(viewport.width);
      canvas.height = Math.floor(viewport.height);
      const task = page.render({ canvas, viewport });
      stop = () => task.cancel();
      await task.promise;
      done();
    })().catch(() => undefined);
    return () => {
      stopped = true;
      stop?.();
    };
  }

  #page(number: number): Promise<PDFPageProxy> {
    const known = this.#pages.get(number) ?? this.#document.getPage(number);
    this.#pages.set(number, known);
    return known;
  }
}
