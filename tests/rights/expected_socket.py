"""Every frame of the socket, and who may send it or is sent it.

A frame without a line fails the test by name.
"""

from collections.abc import Mapping

from copconnect import wire
from tests.rights.rules import A
from tests.rights.world import Account

READY, TAKEN, IGNORED = "ready", "taken", "ignored"

Fate = str | int
_TURNED_AWAY: dict[Account, Fate] = {
    A.NOBODY: wire.CLOSE_UNAUTHENTICATED,
    A.OPERATOR: wire.CLOSE_UNAUTHENTICATED,
    A.HRMS: wire.CLOSE_UNAUTHENTICATED,
    A.NEWCOMER: wire.CLOSE_CONDUCT_NOT_ACCEPTED,
    A.SUSPENDED: wire.CLOSE_SIGNED_OUT,
    A.REVOKED: wire.CLOSE_SIGNED_OUT,
}

# Frames that a client sends, and what becomes of them for each account: READY, TAKEN, IGNORED or
# the code with which the server closes the connection. A device that nobody confirmed connects, to
# hear of its confirmation; no roster lists it, so that it belongs nowhere.
SENT: Mapping[str, Mapping[Account, Fate]] = {
    "hello": {**dict.fromkeys(Account, READY), **_TURNED_AWAY},
    # How far a device has read, in the group of the head and the officer.
    "cursors": {
        **dict.fromkeys(Account, IGNORED),
        **_TURNED_AWAY,
        A.HEAD: TAKEN,
        A.OFFICER: TAKEN,
    },
    # A live position in that group, passed on to its devices, and asked for there.
    "send_position": {
        **dict.fromkeys(Account, IGNORED),
        **_TURNED_AWAY,
        A.HEAD: TAKEN,
        A.OFFICER: TAKEN,
    },
    # A device of that group makes the shares that it was asked for.
    "working": {
        **dict.fromkeys(Account, IGNORED),
        **_TURNED_AWAY,
        A.OFFICER: TAKEN,
    },
    "watch_positions": {
        **dict.fromkeys(Account, IGNORED),
        **_TURNED_AWAY,
        A.HEAD: TAKEN,
        A.OFFICER: TAKEN,
    },
    # The head's order in the group, whose issuer sees who has acknowledged.
    "watch_order": {
        **dict.fromkeys(Account, IGNORED),
        **_TURNED_AWAY,
        A.HEAD: TAKEN,
    },
}

_CONNECTED = frozenset(Account) - _TURNED_AWAY.keys()
_LISTED = frozenset({A.HEAD, A.OFFICER})  # Whose devices the group's roster lists.
_HEAD, _OFFICER = frozenset({A.HEAD}), frozenset({A.OFFICER})

# Frames that the server sends, and whom each reaches when it is about the group; or, where it is
# for one device or person, when it is for the head's or the officer's.
TOLD: Mapping[str, frozenset[Account]] = {
    "ready": _CONNECTED,
    # To every listed device.
    "entry": _LISTED,
    "roster": _LISTED,
    "receipts": _LISTED,
    "position": _LISTED,
    "key": _LISTED,
    "cell_key": _LISTED,
    "conversation": _LISTED,
    # To a device that is listed no more: this and nothing else.
    "gone": _OFFICER,
    # To the devices of the person who wrote the message.
    "receipt_counts": _HEAD,
    # To one device: the one that asked, or that the server chose among the listed ones to ask.
    "share": _OFFICER,
    "key_wanted": _OFFICER,
    "cell_key_wanted": _OFFICER,
    "share_wanted": _OFFICER,
    "seals_wanted": _OFFICER,
    # To the devices of the person whom it is about.
    "account": _OFFICER,
    "order_acknowledged": _OFFICER,
    # To the device that watches the order, the head's here.
    "order_progress": _HEAD,
}
