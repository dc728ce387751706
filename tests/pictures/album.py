"""Pictures of screens as small files: Chromium makes WebP of screenshots."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Page

MAX_BYTES = 150_000
QUALITIES = (0.9, 0.8, 0.65, 0.5)
TO_WEBP = """async ([png, quality]) => {
  const bytes = Uint8Array.from(atob(png), (letter) => letter.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  const canvas = new OffscreenCanvas(image.width, image.height);
  canvas.getContext("2d").drawImage(image, 0, 0);
  const made = await canvas.convertToBlob({ type: "image/webp", quality });
  const reader = new FileReader();
  return new Promise((resolve) => {
    reader.onload = () => resolve(reader.result.split(",")[1]);
    reader.readAsDataURL(made);
  });
}"""


@dataclass
class Album:
    """A folder of pictures; as PNG they are among the artefacts. `close` removes whatever else the
    folder held."""

    folder: Path
    converter: Page
    artefacts: Path
    taken: list[str] = field(default_factory=list)

    def take(self, page: Page, name: str) -> None:
        """Keep what a page shows as ``name.webp``. Raises ValueError where it stays too large."""
        page.mouse.move(0, 0)  # Nothing is hovered over.
        shot = page.screenshot(
            path=self.artefacts / f"{name}.png", animations="disabled", caret="hide"
        )
        png = base64.b64encode(shot).decode()
        for quality in QUALITIES:
            picture = base64.b64decode(self.converter.evaluate(TO_WEBP, [png, quality]))
            if len(picture) <= MAX_BYTES:
                (self.folder / f"{name}.webp").write_bytes(picture)
                self.taken.append(name)
                print(f"    {name}.webp  {len(picture):,} bytes")
                return
        raise ValueError(f"{name} is larger than {MAX_BYTES:,} bytes")

    def close(self) -> None:
        """Remove the pictures that were not taken again."""
        for file in self.folder.glob("*.webp"):
            if file.stem not in self.taken:
                file.unlink()


@contextmanager
def album(browser: Browser, folder: Path, artefacts: Path) -> Iterator[Album]:
    """Open an album in a folder; old pictures go where all went well."""
    folder.mkdir(parents=True, exist_ok=True)
    context = browser.new_context()
    made = Album(folder, context.new_page(), artefacts)
    yield made
    made.close()
    context.close()
