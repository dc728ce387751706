/** The position of the device. */
import type { Outgoing } from "@copconnect/client/core";
import { MediaError } from "./encoding/canvas.ts";

export type OutgoingLocation = Extract<Outgoing, { kind: "location" }>;

export interface SignedPlace {
  readonly lat: number;
  readonly lon: number;
  readonly accuracyM: number;
}

/** The place that evidence signs; null while the phone does not say how accurate it is. */
export function signedPlace(found: OutgoingLocation): SignedPlace | null {
  const { latitude: lat, longitude: lon, accuracyM } = found;
  return accuracyM === null ? null : { lat, lon, accuracyM };
}

/**
 * Watch the position until the returned function is called: the first fix is often a mast's, a
 * better one follows within seconds.
 */
export function watchPosition(
  onposition: (location: OutgoingLocation) => void,
  onerror: (error: MediaError) => void,
): () => void {
  if (!("geolocation" in navigator)) {
    onerror(new MediaError("position_unavailable"));
    return () => undefined;
  }
  const watch = navigator.geolocation.watchPosition(
    ({ coords, timestamp }) =>
      onposition({
        kind: "location",
        latitude: coords.latitude,
        longitude: coords.longitude,
        accuracyM: Number.isFinite(coords.accuracy) ? Math.round(coords.accuracy) : null,
        takenMs: Math.round(timestamp),
      }),
    (error) =>
      onerror(
        new MediaError(
          error.code === error.PERMISSION_DENIED ? "position_denied" : "position_unavailable",
        ),
      ),
    { enableHighAccuracy: true, timeout: 20_000, maximumAge: 10_000 },
  );
  return () => navigator.geolocation.clearWatch(watch);
}
