/**
 * MapLibre with our style. Names of towns are drawn from the app's own fonts (no glyph server).
 * In its own file, so that its megabyte is fetched with the first large map and not before.
 */
import {
  LngLatBounds,
  Map as LibreMap,
  Marker,
  NavigationControl,
  ScaleControl,
  setWorkerUrl,
  type StyleSpecification,
} from "maplibre-gl";
import "maplibre-gl/dist/maplibre-gl.css";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url";
import type { Feature, Geometry, Position as Coordinates } from "geojson";
import { nameOf } from "#i18n/format.ts";
import { loadOutline, type Outline } from "./outline.ts";
import type { MapMark } from "./marks.ts";
import { circle, type Position } from "./projection.ts";
import { TOWNS } from "./towns.ts";

setWorkerUrl(workerUrl);

export interface MapPosition {
  readonly latitude: number;
  readonly longitude: number;
  readonly accuracyM: number | null;
}

export function ringOf({ latitude, longitude, accuracyM }: MapPosition): Feature {
  const ring = circle([longitude, latitude], accuracyM ?? 0);
  return {
    type: "Feature",
    properties: {},
    geometry: { type: "Polygon", coordinates: [ring.map(([x, y]) => [x, y])] },
  };
}

function shape(geometry: Geometry): { type: "geojson"; data: Feature } {
  return { type: "geojson", data: { type: "Feature", properties: {}, geometry } };
}

const polygons = (rings: Outline["department"]): Coordinates[][][] =>
  rings.map((polygon) => polygon.map((ring) => ring.map(([x, y]: Position) => [x, y])));
const lines = (drawn: Outline["borders"]): Coordinates[][] =>
  drawn.map((line) => line.map(([x, y]) => [x, y]));

/** A token of tokens.css as this theme has it: MapLibre knows no custom properties. */
function token(target: HTMLElement, name: string): string {
  return getComputedStyle(target).getPropertyValue(name).trim();
}

function styleOf(
  target: HTMLElement,
  outline: Outline,
  place: MapPosition,
  tiles: string | null,
): StyleSpecification {
  const colour = (name: string): string => token(target, name);
  const accuracy = { type: "geojson" as const, data: ringOf(place) };
  const ring: StyleSpecification["layers"] = [
    {
      id: "accuracy",
      type: "fill",
      source: "accuracy",
      paint: { "fill-color": colour("--accent"), "fill-opacity": 0.18 },
    },
    {
      id: "accuracy-edge",
      type: "line",
      source: "accuracy",
      paint: { "line-color": colour("--accent"), "line-width": 1 },
    },
  ];
  if (tiles !== null) {
    return {
      version: 8,
      sources: { tiles: { type: "raster", tiles: [tiles], tileSize: 256 }, accuracy },
      layers: [{ id: "tiles", type: "raster", source: "tiles" }, ...ring],
    };
  }
  return {
    version: 8,
    sources: {
      neighbours: shape({ type: "MultiPolygon", coordinates: polygons(outline.neighbours) }),
      department: shape({ type: "MultiPolygon", coordinates: polygons(outline.department) }),
      borders: shape({ type: "MultiLineString", coordinates: lines(outline.borders) }),
      rivers: shape({ type: "MultiLineString", coordinates: lines(outline.rivers) }),
      accuracy,
      towns: {
        type: "geojson",
        data: {
          type: "FeatureCollection",
          features: TOWNS.map((town) => ({
            type: "Feature",
            properties: { name: nameOf(town.names), weight: town.weight },
            geometry: { type: "Point", coordinates: [town.longitude, town.latitude] },
          })),
        },
      },
    },
    layers: [
      { id: "far", type: "background", paint: { "background-color": colour("--map-far") } },
      fill("neighbours", colour("--map-near")),
      fill("department", colour("--map-land")),
      line("rivers", colour("--map-water"), 2),
      line("borders", colour("--map-border"), 1.5),
      ...ring,
      {
        id: "towns",
        type: "symbol",
        source: "towns",
        layout: {
          "text-field": ["get", "name"],
          "text-font": ["Cop Telugu", "sans-serif"],
          "text-size": ["match", ["get", "weight"], 1, 14, 12],
          "symbol-sort-key": ["get", "weight"],
          "text-padding": 6,
        },
        paint: {
          "text-color": colour("--map-ink"),
          "text-halo-color": colour("--map-land"),
          "text-halo-width": 1.5,
        },
      },
    ],
  };
}

function fill(source: string, color: string): StyleSpecification["layers"][number] {
  return { id: source, type: "fill", source, paint: { "fill-color": color } };
}

function line(source: string, color: string, width: number): StyleSpecification["layers"][number] {
  return {
    id: source,
    type: "line",
    source,
    paint: { "line-color": color, "line-width": width },
  };
}

/** Build the map in `target`. Rejects where there is no WebGL. */
export async function buildMap(
  target: HTMLElement,
  place: MapPosition,
  tiles: string | null,
): Promise<{ map: LibreMap; marker: Marker }> {
  const outline = await loadOutline();
  const map = new LibreMap({
    container: target,
    style: styleOf(target, outline, place, tiles),
    center: [place.longitude, place.latitude],
    zoom: tiles === null ? 6.6 : 15,
    maxZoom: tiles === null ? 14 : 19,
    minZoom: 4,
    attributionControl: false,
    pitchWithRotate: false,
    dragRotate: false,
  });
  map.touchZoomRotate.disableRotation();
  map.addControl(new NavigationControl({ showCompass: false }), "top-right");
  map.addControl(new ScaleControl({ unit: "metric" }), "bottom-left");
  const marker = new Marker({ color: token(target, "--accent") })
    .setLngLat([place.longitude, place.latitude])
    .addTo(map);
  return { map, marker };
}

/**
 * Put people on the map, move the people already there, take off the others; `frame`: show them
 * all.
 */
export function placeMarks(
  map: LibreMap,
  known: Map<string, Marker>,
  marks: readonly MapMark[],
  frame: boolean,
): void {
  for (const [key, marker] of known) {
    if (marks.some((one) => one.key === key)) continue;
    marker.remove();
    known.delete(key);
  }
  for (const { key, label, latitude, longitude } of marks) {
    const at: [number, number] = [longitude, latitude];
    const there = known.get(key);
    if (there !== undefined) there.setLngLat(at);
    else {
      const marker = new Marker({ element: badge(label), anchor: "bottom" });
      known.set(key, marker.setLngLat(at).addTo(map));
    }
  }
  if (!frame || marks.length < 2) return;
  const bounds = new LngLatBounds();
  for (const { longitude, latitude } of marks) bounds.extend([longitude, latitude]);
  map.fitBounds(bounds, { padding: 64, maxZoom: 14, animate: false });
}

function badge(label: string): HTMLElement {
  const element = document.createElement("div");
  element.className = "map-person";
  element.dir = "auto";
  element.textContent = label;
  return element;
}
