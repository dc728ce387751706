/**
 * Which files a device downloads without a tap, by kind and by network. Pure.
 *
 * Browsers say little about the network: Chrome on Android says whether it is Wi-Fi or mobile data, Chrome on
 * a computer whether data is to be saved, Safari and Firefox nothing. None says whether a phone roams.
 */
import type { AttachmentView } from "@copconnect/client/core";

export const DOWNLOAD_KINDS = ["photos", "voice", "videos", "documents"] as const;
export type DownloadKind = (typeof DOWNLOAD_KINDS)[number];

/** `any`: the browser does not say which one it is. */
export const NETWORKS = ["wifi", "mobile", "saver", "any"] as const;
export type NetworkKind = (typeof NETWORKS)[number];

/** The kinds that come on each network. */
export type DownloadChoice = Readonly<Record<NetworkKind, readonly DownloadKind[]>>;

/** The facts that `navigator.connection` gives. */
export interface NetworkFacts {
  readonly type?: string;
  readonly saveData?: boolean;
  readonly effectiveType?: string;
}

export const USUAL_DOWNLOADS: DownloadChoice = {
  wifi: ["photos", "voice", "documents"],
  mobile: ["photos", "voice"],
  saver: [],
  any: ["photos", "voice"],
};

const MB = 1_000_000;
/** Larger files wait for a tap on every network. */
export const MOST_BYTES: Readonly<Record<DownloadKind, number>> = {
  photos: 5 * MB,
  voice: 5 * MB,
  videos: 50 * MB,
  documents: 15 * MB,
};

/** The network of now. A phone whose browser knows the kinds counts as on mobile data unless it is on Wi-Fi. */
export function networkOf(facts: NetworkFacts | null): NetworkKind {
  if (facts === null) return "any";
  const { type, saveData, effectiveType } = facts;
  if (saveData === true || effectiveType === "2g" || effectiveType === "slow-2g") return "saver";
  if (type === undefined) return "any";
  return type === "wifi" || type === "ethernet" ? "wifi" : "mobile";
}

/** The networks that a browser with these facts tells apart. */
export function networksOf(facts: NetworkFacts | null): readonly NetworkKind[] {
  if (facts === null) return ["any"];
  return facts.type === undefined ? ["any", "saver"] : ["wifi", "mobile", "saver"];
}

export function kindOf({ kind }: Pick<AttachmentView, "kind">): DownloadKind {
  if (kind === "image") return "photos";
  if (kind === "video") return "videos";
  return kind === "document" ? "documents" : "voice";
}

/** Whether a file comes without a tap; one that is here needs no download. */
export function comes(
  choice: DownloadChoice,
  network: NetworkKind,
  file: Pick<AttachmentView, "kind" | "size" | "local">,
): boolean {
  const kind = kindOf(file);
  return file.local || (choice[network].includes(kind) && file.size <= MOST_BYTES[kind]);
}

export function withKind(
  choice: DownloadChoice,
  network: NetworkKind,
  kind: DownloadKind,
  on: boolean,
): DownloadChoice {
  const kinds = DOWNLOAD_KINDS.filter((one) => (one === kind ? on : choice[network].includes(one)));
  return { ...choice, [network]: kinds };
}

/** A stored choice; a network that it lacks, or names badly, is as usual. */
export function readDownloads(text: string | null): DownloadChoice {
  const given = parsed(text);
  const read = (network: NetworkKind): readonly DownloadKind[] => {
    const kinds = given[network];
    return Array.isArray(kinds)
      ? DOWNLOAD_KINDS.filter((kind) => kinds.includes(kind))
      : USUAL_DOWNLOADS[network];
  };
  return { wifi: read("wifi"), mobile: read("mobile"), saver: read("saver"), any: read("any") };
}

function parsed(text: string | null): Readonly<Record<string, unknown>> {
  try {
    const stored: unknown = JSON.parse(text ?? "null");
    return typeof stored === "object" && stored !== null ? { ...stored } : {};
  } catch {
    return {};
  }
}
