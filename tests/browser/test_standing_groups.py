"""An officer who registers finds the groups of their unit and role; a transfer moves them."""

import json
from pathlib import Path

from playwright.sync_api import expect

from tests.harness.browser import Station
from tests.harness.server import ServerProcess, run_copconnect

POLICY = [
    {
        "code": "unit",
        "levels": ["city", "zone", "station"],
        "title": {"en": "{unit}", "te": "", "ur": "", "hi": ""},
    },
    {
        "code": "sho",
        "levels": ["city"],
        "roles": ["sho"],
        "title": {"en": "All SHOs, {unit}", "te": "", "ur": "", "hi": ""},
    },
]
SECONDS = 20_000  # Of a loaded machine; a quiet one needs two.


def test_groups_follow_the_data_bank(
    station: Station, app_server: ServerProcess, tmp_path: Path
) -> None:
    (tmp_path / "policy.json").write_text(json.dumps(POLICY), "utf-8")
    policy = str(tmp_path / "policy.json")
    run_copconnect(app_server.data, "conversations", "policy", "set", policy)
    sho, constable = station.officer(0).register(), station.officer(6).register()
    own = {"Abids Police Station", "East Zone", "Hyderabad City"}
    for title in own | {"All SHOs, Hyderabad City"}:
        sho.chat(title).wait_for()
    for title in own:
        constable.chat(title).wait_for()
    expect(constable.chat("All SHOs, Hyderabad City")).to_have_count(0)
    sho.shot("standing-groups")
    constable.open_chat("Abids Police Station")
    constable.say("Beat 4 is covered.")
    constable.sees_status("Beat 4 is covered.", "sent")
    constable.to_chats()

    number, post = constable.person.number, "SHO, Charminar"
    place = ("--unit", "HYD-CHAR", "--post", post, "--role", "sho", "--head")
    run_copconnect(app_server.data, "directory", "transfer", number, *place)
    constable.chat("Charminar Police Station").wait_for(timeout=SECONDS)
    constable.chat("All SHOs, Hyderabad City").wait_for(timeout=SECONDS)
    # Out of the former station: it says so, and nothing can be written there.
    constable.chat("Abids Police Station").click()
    constable.message("Beat 4 is covered.").wait_for()
    expect(constable.composer).to_have_count(0)
    sho.open_chat("Abids Police Station")
    sho.say("He has gone to Charminar.")
    sho.sees_status("He has gone to Charminar.", "sent")
    expect(constable.message("He has gone to Charminar.")).to_have_count(0)
