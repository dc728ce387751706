/** A square of 384 px from the middle of a picture, as JPEG without any of its metadata. */
import type { OutgoingAttachment } from "@copconnect/client/core";

const SIDE = 384;
const QUALITY = 0.82;

export async function groupPhoto(file: Blob): Promise<OutgoingAttachment> {
  const picture = await createImageBitmap(file);
  try {
    const side = Math.min(picture.width, picture.height);
    const canvas = document.createElement("canvas");
    canvas.width = SIDE;
    canvas.height = SIDE;
    const context = canvas.getContext("2d");
    if (context === null) throw new Error("no canvas");
    context.drawImage(
      picture,
      (picture.width - side) / 2,
      (picture.height - side) / 2,
      side,
      side,
      0,
      0,
      SIDE,
      SIDE,
    );
    const blob = await new Promise<Blob | null>((resolve) =>
      canvas.toBlob(resolve, "image/jpeg", QUALITY),
    );
    if (blob === null) throw new Error("the picture could not be encoded");
    return {
      kind: "image",
      file: blob,
      name: "photo.jpg",
      mime: "image/jpeg",
      width: SIDE,
      height: SIDE,
    };
  } finally {
    picture.close();
  }
}
