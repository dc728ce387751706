/** Which files come to this device without a tap, and the network of now. The choice stays on this device. */
import {
  comes,
  networkOf,
  networksOf,
  readDownloads,
  withKind,
  type DownloadChoice,
  type DownloadKind,
  type NetworkFacts,
  type NetworkKind,
} from "#media/downloads.ts";
import type { AttachmentView } from "@copconnect/client/core";

const KEY = "copconnect.downloads";

function stored(): DownloadChoice {
  try {
    return readDownloads(localStorage.getItem(KEY));
  } catch {
    return readDownloads(null);
  }
}

const { connection = null } = (typeof navigator === "undefined" ? {} : navigator) as {
  connection?: (NetworkFacts & EventTarget) | null;
};
let choice = $state.raw<DownloadChoice>(stored());
let network = $state<NetworkKind>(networkOf(connection));
connection?.addEventListener("change", () => (network = networkOf(connection)));

export const downloads = {
  get choice(): DownloadChoice {
    return choice;
  },
  /** The networks that this browser tells apart. */
  get networks(): readonly NetworkKind[] {
    return networksOf(connection);
  },
  get network(): NetworkKind {
    return network;
  },
  /** Whether a file comes now without a tap. */
  comes(file: Pick<AttachmentView, "kind" | "size" | "local">): boolean {
    return comes(choice, network, file);
  },
  choose(on: NetworkKind, kind: DownloadKind, wanted: boolean): void {
    choice = withKind(choice, on, kind, wanted);
    try {
      localStorage.setItem(KEY, JSON.stringify(choice));
    } catch {
      // Refused in private modes: the choice lasts as long as the page.
    }
  },
};
