"""Chromium for the browser tests."""

import subprocess
from pathlib import Path

from playwright.sync_api import Browser, Playwright

ROOT = Path(__file__).parents[2]
FEATURES_OFF = (
    # Each window prepares three pages for an address bar that nobody sees: a third of the time that
    # it takes to register an officer.
    *("WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "WebUIOmniboxFullPopup"),
    # Playwright's own list, which ours takes the place of.
    *("AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades"),
    *("HttpsFirstBalancedModeAutoEnable", "LensOverlay", "MediaRouter", "PaintHolding"),
    *("ThirdPartyStoragePartitioning", "AvoidCorsURLLoaderRestartOnRedirect"),
    *("OptimizationHints", "NetworkTimeServiceQuerying", "AimEnabled", "PreconnectToSearch"),
)


def chromium_path(*, notifies: bool = True) -> str:
    """Return the Chromium to use; unless it ``notifies``, one without windows where there is one.
    Raises RuntimeError where there is none."""
    command = [str(ROOT / "make" / "chromium"), *([] if notifies else ["--shell"])]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode != 0:
        raise RuntimeError(found.stderr)
    return found.stdout.strip()


def launch(playwright: Playwright, *, notifies: bool = True) -> Browser:
    """Start Chromium with a camera and a microphone that play test signals."""
    return playwright.chromium.launch(
        executable_path=chromium_path(notifies=notifies),
        args=[
            "--no-sandbox",  # CI runs as root, where Chromium's sandbox cannot start.
            "--disable-dev-shm-usage",
            "--use-fake-ui-for-media-stream",
            "--use-fake-device-for-media-stream",
            f"--disable-features={','.join(FEATURES_OFF)}",
        ],
    )


class Browsers:
    """One of each kind, started when it is asked for, and again when it has crashed."""

    def __init__(self, playwright: Playwright) -> None:
        self._playwright = playwright
        self._started: dict[bool, Browser] = {}

    def get(self, *, notifies: bool) -> Browser:
        """Return the whole Chromium, or the one without windows, which shows no notifications."""
        if notifies not in self._started or not self._started[notifies].is_connected():
            self._started[notifies] = launch(self._playwright, notifies=notifies)
        return self._started[notifies]

    def close(self) -> None:
        """End them."""
        for one in self._started.values():
            one.close()
