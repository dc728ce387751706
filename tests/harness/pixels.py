"""Scripts that run in a page of a browser and read its pictures, PDFs and videos."""

import base64
from typing import Any

from playwright.sync_api import Page

# A photo as a sensor stores it: noise everywhere, its first corner red.
TAKE_PHOTO = """async () => {
  const tile = new OffscreenCanvas(400, 300);
  const small = tile.getContext("2d");
  const noise = small.createImageData(400, 300);
  for (let at = 0; at < noise.data.length; at += 4) {
    noise.data[at + 2] = 100 + Math.random() * 155;
    noise.data[at + 3] = 255;
  }
  small.putImageData(noise, 0, 0);
  const canvas = new OffscreenCanvas(4000, 3000);
  const large = canvas.getContext("2d");
  large.fillStyle = large.createPattern(tile, "repeat");
  large.fillRect(0, 0, 4000, 3000);
  large.fillStyle = "#f00";
  large.fillRect(0, 0, 800, 600);
  const photo = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.9 });
  const reader = new FileReader();
  return new Promise((resolve) => {
    reader.onload = () => resolve(reader.result.split(",")[1]);
    reader.readAsDataURL(photo);
  });
}"""

# As a screen shows it: what EXIF says of its orientation counts.
SHOWN = """async (data) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes]));
  const { width, height } = image;
  const context = new OffscreenCanvas(width, height).getContext("2d");
  context.drawImage(image, 0, 0);
  const red = (x, y) => context.getImageData(x, y, 1, 1).data[0];
  const corners = [red(20, 20), red(width - 20, 20), red(20, height - 20),
    red(width - 20, height - 20)];
  return { width, height, red: corners.map((value) => value > 200) };
}"""

# Dark dots of the first page of a PDF.
INK = """() => {
  const canvas = document.querySelector("[data-page] canvas");
  if (canvas === null || canvas.width < 200) return 0;
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let dark = 0;
  for (let at = 0; at < data.length; at += 4) if (data[at] < 99 && data[at + 3] > 200) dark += 1;
  return dark;
}"""

# The most by which neighbours differ, in the middle of a picture and at its edge.
NOISE = """async (data) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes]));
  const { width, height } = image;
  const context = new OffscreenCanvas(width, height).getContext("2d");
  context.drawImage(image, 0, 0);
  const noise = (x, y) => {
    const { data } = context.getImageData(x, y, 40, 40);
    let most = 0;
    for (let at = 4; at < data.length; at += 4)
      if (at % 160 !== 0) most = Math.max(most, Math.abs(data[at] - data[at - 4]));
    return most;
  };
  return { width, height, edge: noise(2, 2), middle: noise(width / 2 - 20, height / 2 - 20) };
}"""

SOURCE = """async () => {
  const answer = await fetch(document.querySelector("video").currentSrc);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}"""


def drawn(page: Page, picture: bytes) -> Any:
    """Return the width and height of a picture, and which of its corners are red."""
    return page.evaluate(SHOWN, base64.b64encode(picture).decode())
