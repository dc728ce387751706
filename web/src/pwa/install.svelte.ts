/** Whether the browser offers to install the app, and how to take the offer. */

interface InstallPrompt extends Event {
  prompt(): Promise<void>;
}

let offer = $state.raw<InstallPrompt | null>(null);

export const install = {
  get offered(): boolean {
    return offer !== null;
  },
  async take(): Promise<void> {
    const taken = offer;
    offer = null;
    await taken?.prompt();
  },
};

/** The offer comes early and once: listen from the start of the page. */
export function followInstallOffer(): void {
  addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault();
    offer = event as InstallPrompt;
  });
  addEventListener("appinstalled", () => (offer = null));
}
