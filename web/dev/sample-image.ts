/** A picture as somebody sends one. */
export function sampleImage(): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1280 960"><defs><linearGradient id="a" x2="0" y2="1"><stop stop-color="#8fb3dc"/><stop offset="1" stop-color="#e9d9c0"/></linearGradient></defs><path fill="url(#a)" d="M0 0h1280v960H0z"/><path fill="#5a4a3c" d="M180 960V430h90v-90h40v90h200v-60h120v60h120v-60h100v60h140v-90h40v90h90v530z"/><circle cx="980" cy="190" r="70" fill="#f6e7b8"/></svg>`;
}

/** The same as a page shows it: a PNG. */
export async function samplePicture(): Promise<Uint8Array> {
  const image = new Image();
  image.src = `data:image/svg+xml,${encodeURIComponent(sampleImage())}`;
  await image.decode();
  const canvas = new OffscreenCanvas(1280, 960);
  canvas.getContext("2d")?.drawImage(image, 0, 0, 1280, 960);
  return new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer());
}
