"""A bot that answers "/vehicle", run as a process of its own: ``python -m tests.bot.answering``.

``--stop STEP`` ends the process as a power cut does (SIGKILL) at the first time that it comes to a
step. The SDK has no code for this: its methods are wrapped from outside.
"""

import argparse
import functools
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from copconnect.bot import Bot, Message
from copconnect.bot.conversation.inbox import Inbox
from copconnect.bot.conversation.outbox import Outbox
from copconnect.bot.conversation.signing import Signing
from copconnect.bot.dispatch import Handlers
from copconnect.bot.net.api import Api

# Each step: class, method, and whether the process ends before or after it.
STEPS: dict[str, tuple[type, str, bool]] = {
    "before it takes an entry": (Inbox, "receive", True),
    "after it took an entry": (Inbox, "receive", False),
    "before its handler": (Handlers, "handle", True),
    "after its answer is stored": (Outbox, "store", False),
    "after its handler": (Handlers, "handle", False),
    "before it signs": (Signing, "sign", True),
    "after it signed": (Signing, "sign", False),
    "after it posted its key": (Api, "post_key", False),
    "before it posts": (Api, "post", True),
    "after it posted": (Api, "post", False),
    "after the server's answer is stored": (Outbox, "accepted", False),
}

bot = Bot()
greeted: list[str] = []


@bot.every(3600)
async def greet() -> None:
    """Say that the bot is connected, and greet a conversation once."""
    print("connected", flush=True)
    for conversation_id in greeted:
        await bot.post(conversation_id, "hello", once="hello")


@bot.command("vehicle")
async def vehicle(message: Message, plate: str) -> None:
    """Look a vehicle up."""
    await message.reply(f"{plate} {'again' if message.redelivered else 'first'}")


def _end() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def stop_at(step: str) -> None:
    """Wrap the method of a step."""
    kind, name, before = STEPS[step]
    method: Callable[..., Any] = getattr(kind, name)

    @functools.wraps(method)
    def plain(*arguments: Any, **named: Any) -> Any:
        result = method(*arguments, **named)
        _end()
        return result

    @functools.wraps(method)
    async def waiting(*arguments: Any, **named: Any) -> Any:
        if before:
            _end()
        made: Awaitable[Any] = method(*arguments, **named)
        result = await made
        _end()
        return result

    is_plain = name in {"store", "accepted"}
    setattr(kind, name, plain if is_plain else waiting)


def main() -> None:
    """Run the bot."""
    parser = argparse.ArgumentParser()
    parser.add_argument("state", type=Path)
    parser.add_argument("--stop", choices=STEPS)
    parser.add_argument("--greet", help="a conversation's id")
    options = parser.parse_args()
    if options.stop:
        stop_at(options.stop)
    if options.greet:
        greeted.append(options.greet)
    bot.uses(options.state)
    bot.run()


if __name__ == "__main__":
    main()
