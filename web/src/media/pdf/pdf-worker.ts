/** Parses PDFs away from the page; it is given bytes and makes no request. */
import "pdfjs-dist/legacy/build/pdf.worker.mjs";
