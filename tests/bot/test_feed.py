"""Feeds as look-outs: CAP, RSS, Atom, and refused files."""

from datetime import UTC, datetime

import pytest

from examples.look_outs.feed import MOST_BYTES, BadFeed, look_outs

CAP = """<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
  <identifier>TG-7</identifier><sender>control@example</sender><sent>2026-11-27T10:00:00+05:30</sent>
  <status>{status}</status><msgType>{kind}</msgType><scope>Restricted</scope>
  <info><language>te-IN</language><category>Security</category><event>తెల్ల వ్యాన్</event></info>
  <info><language>en-IN</language><category>Security</category><event>Vehicle</event>
    <urgency>Immediate</urgency><severity>Severe</severity><certainty>Observed</certainty>
    <expires>2026-11-27T18:00:00+05:30</expires><headline>White van TS09AB1234</headline>
    <description>Seen near
      Charminar.</description><area><areaDesc>South Zone</areaDesc></area></info>
</alert>"""
RSS = """<rss version="2.0"><channel><title>x</title>
<item><title>Missing child</title><description>Aged 7</description><guid>a1</guid></item>
<item><title>No id</title></item></channel></rss>"""


def test_a_cap_alert_is_a_look_out_in_english_until_it_expires() -> None:
    (found,) = look_outs(CAP.format(status="Actual", kind="Alert").encode())
    assert found.text == (
        "LOOK-OUT: White van TS09AB1234\nImmediate, Severe, Observed\nSeen near Charminar.\n"
        "Area: South Zone\nFrom: control@example"
    )
    assert found.key == "cap TG-7 2026-11-27T10:00:00+05:30"
    assert not found.is_over(datetime(2026, 11, 27, 12, 29, tzinfo=UTC))
    assert found.is_over(datetime(2026, 11, 27, 12, 30, tzinfo=UTC))


def test_a_cancelled_alert_is_withdrawn_and_an_exercise_is_none() -> None:
    (found,) = look_outs(CAP.format(status="Actual", kind="Cancel").encode())
    assert found.text == "WITHDRAWN: White van TS09AB1234"
    assert look_outs(CAP.format(status="Exercise", kind="Alert").encode()) == []


def test_items_of_feeds_are_look_outs_if_they_have_an_id() -> None:
    (found,) = look_outs(RSS.encode())
    assert (found.key, found.text) == ("rss a1", "LOOK-OUT: Missing child\nAged 7")
    inside = CAP.format(status="Actual", kind="Alert").partition("?>")[2]
    atom = (
        '<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>e1</id><updated>now</updated>'
        '<title>Theft</title><link href="https://example/e1"/></entry>'
        f"<entry><id>e2</id><content>{inside}</content></entry></feed>"
    )
    first, second = look_outs(atom.encode())
    assert (first.key, first.text) == ("atom e1 now", "LOOK-OUT: Theft\nhttps://example/e1")
    assert second.key.startswith("cap TG-7")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html/>",
        b"<rss",
        b'<!DOCTYPE rss [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><rss><channel/></rss>',
        b'<!DOCTYPE rss SYSTEM "file:///etc/passwd"><rss/>',
        b"<rss>" + b" " * MOST_BYTES + b"</rss>",
        b'<?xml version="1.0" encoding="no-such"?><rss/>',
    ],
    ids=["empty", "html", "cut", "entities", "external", "large", "encoding"],
)
def test_hostile_documents_are_refused_whole(data: bytes) -> None:
    with pytest.raises(BadFeed):
        look_outs(data)
