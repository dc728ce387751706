/** Reading QR codes with the browser's own detector, where it has one. */
interface Detector {
  detect(source: HTMLVideoElement): Promise<readonly { readonly rawValue: string }[]>;
}
type DetectorMaker = new (options: { readonly formats: readonly string[] }) => Detector;

function maker(): DetectorMaker | null {
  const found = (globalThis as { readonly BarcodeDetector?: DetectorMaker }).BarcodeDetector;
  return found ?? null;
}

/** Whether this browser can: else people type. */
export function canScan(): boolean {
  return maker() !== null && navigator.mediaDevices !== undefined;
}

/** Look at a playing video until a code is in it. Stops with the signal. Rejects where it cannot. */
export async function findCode(video: HTMLVideoElement, signal: AbortSignal): Promise<string> {
  const Detector = maker();
  if (Detector === null) throw new Error("no detector");
  const detector = new Detector({ formats: ["qr_code"] });
  for (;;) {
    signal.throwIfAborted();
    const [code] = await detector.detect(video);
    if (code !== undefined) return code.rawValue;
    await new Promise((next) => setTimeout(next, 150));
  }
}
