/**
 * This device's live positions: while one runs, the position is read every half minute, every minute
 * while the device stands still, and handed to the core. A browser gives none to an app that is not in
 * front; it is read at once when the app comes back.
 */
import type { LiveShare, GeoPosition } from "@copconnect/client/core";
import type { ConversationId } from "@copconnect/client/wire";
import { distanceM } from "#parts/map/projection.ts";
import { core } from "../core.ts";
import { onCoreEvent } from "../state/app.svelte.ts";

export const MOVING_MS = 30_000;
export const STANDING_MS = 60_000;
/** A fix that differs by less is the same place. */
const STILL_M = 30;

/** How long until the position is read again. */
export function pauseAfter(before: GeoPosition | null, now: GeoPosition | null): number {
  if (before === null || now === null) return MOVING_MS;
  const moved = distanceM([before.longitude, before.latitude], [now.longitude, now.latitude]);
  return moved < STILL_M ? STANDING_MS : MOVING_MS;
}

/** The position of this device now. Rejects with the browser's GeolocationPositionError. */
export function positionNow(): Promise<GeoPosition> {
  return new Promise((resolve, reject) => {
    navigator.geolocation.getCurrentPosition(
      ({ coords, timestamp }) =>
        resolve({
          latitude: coords.latitude,
          longitude: coords.longitude,
          accuracyM: Number.isFinite(coords.accuracy) ? Math.round(coords.accuracy) : null,
          takenMs: Math.round(timestamp),
        }),
      reject,
      { enableHighAccuracy: true, timeout: 20_000, maximumAge: 0 },
    );
  });
}

class LiveSharing {
  shares = $state.raw<readonly LiveShare[]>([]);
  /** The browser gives no position. */
  blind = $state(false);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #last: GeoPosition | null = null;
  #looking = false;

  follow(): () => void {
    const stop = onCoreEvent((event) => {
      if (event.type === "live") this.#takeShares(event.shares);
    });
    core()
      .live.shares()
      .then((shares) => this.#takeShares(shares))
      .catch(() => undefined);
    const back = (): void => {
      if (document.visibilityState === "visible") this.#look();
    };
    document.addEventListener("visibilitychange", back);
    return () => {
      stop();
      clearTimeout(this.#timer);
      this.shares = [];
      document.removeEventListener("visibilitychange", back);
    };
  }

  async begin(conversationId: ConversationId, place: GeoPosition, forMs: number): Promise<void> {
    await core().live.share(conversationId, place, forMs);
  }

  stop(conversationId: ConversationId): Promise<void> {
    return core().live.stop(conversationId);
  }

  #takeShares(shares: readonly LiveShare[]): void {
    const began = this.shares.length === 0 && shares.length > 0;
    this.shares = shares;
    if (shares.length === 0) clearTimeout(this.#timer);
    else if (began) this.#look();
  }

  #look(): void {
    if (this.shares.length === 0 || this.#looking) return;
    this.#looking = true;
    clearTimeout(this.#timer);
    void this.#report().finally(() => {
      this.#looking = false;
    });
  }

  async #report(): Promise<void> {
    const before = this.#last;
    try {
      this.#last = await positionNow();
      this.blind = false;
      this.shares = await core().live.move(this.#last);
    } catch (error) {
      // Without a network the next position goes; without a position the person must know.
      if (error instanceof GeolocationPositionError) this.blind = true;
    }
    if (this.shares.length === 0) return;
    this.#timer = setTimeout(() => this.#look(), pauseAfter(before, this.#last));
  }
}

export const live = new LiveSharing();
