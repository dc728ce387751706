"""Bots: registered, visible members of conversations, end-to-end encrypted like every device.

A bot has a number in the data bank, a certificate, and a confirmation by an admin. Its device is
the app's own core, which ``core`` runs in a process of Node: it keeps every rule of docs/keys.md.
docs/bots.md is the way in. This package imports ``wire`` and ``ids``, nothing of the server; the
server never imports it.
"""

from copconnect.bot.bot import Bot
from copconnect.bot.content import Mention, Order, Translation
from copconnect.bot.core import Person
from copconnect.bot.failures import (
    BotFailure,
    NoSuchConversation,
    NotConfirmed,
    NotSent,
    ServerRefused,
    SignedOut,
    StateFailure,
    Unreachable,
    Untrusted,
)
from copconnect.bot.state import KeyFile, Passphrase
from copconnect.bot.talking import (
    Acknowledged,
    BotConversation,
    Deletion,
    Edit,
    File,
    IssuedOrder,
    Message,
    Pinned,
    QueuedMessage,
    Reaction,
    Upload,
)

__all__ = [
    "Acknowledged",
    "Bot",
    "BotConversation",
    "BotFailure",
    "Deletion",
    "Edit",
    "File",
    "IssuedOrder",
    "KeyFile",
    "Mention",
    "Message",
    "NoSuchConversation",
    "NotConfirmed",
    "NotSent",
    "Order",
    "Passphrase",
    "Person",
    "Pinned",
    "QueuedMessage",
    "Reaction",
    "ServerRefused",
    "SignedOut",
    "StateFailure",
    "Translation",
    "Unreachable",
    "Untrusted",
    "Upload",
]
