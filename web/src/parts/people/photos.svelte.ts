/**
 * Object URLs of photos (people, groups), one for each attachment, kept for the page's life: there
 * are few of them and they are small.
 */
import type { AttachmentId } from "@copconnect/client/wire";
import type { AttachmentView } from "@copconnect/client/core";
import { SvelteMap } from "svelte/reactivity";
import { core } from "#app/core.ts";

const urls = new SvelteMap<AttachmentId, string | null>();

/** The photo's URL once it is here; null before that, and when it cannot be had. */
export function photoUrl(photo: AttachmentView | null): string | null {
  return photo === null ? null : (urls.get(photo.attachmentId) ?? null);
}

/** Fetch the photo if that has not been tried; to be called from an effect. */
export function wantPhoto(photo: AttachmentView | null): void {
  if (photo === null || urls.has(photo.attachmentId)) return;
  urls.set(photo.attachmentId, null);
  core()
    .attachments.get(photo.attachmentId, null)
    .then(
      (blob) => urls.set(photo.attachmentId, URL.createObjectURL(blob)),
      // Tried again the next time that somebody asks.
      () => urls.delete(photo.attachmentId),
    );
}
