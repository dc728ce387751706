"""A bot that answers "/vehicle", run as its own process: ``python -m tests.bot.answering``.

``--stop STEP`` ends a process as a power cut does (SIGKILL) at a step, once the file of ``--armed``
is there: the core's process at a step of ``stopping.mjs``, this one around its handler. The SDK has
no code for this: it is wrapped from outside.
"""

import argparse
import functools
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

from copconnect.bot import Bot, Message
from copconnect.bot.dispatch import Handlers

BEFORE, AFTER = "before its handler", "after its handler"

bot = Bot()
greeted: list[str] = []


@bot.every(3600)
async def greet() -> None:
    """Say that the bot is connected, and greet a conversation once."""
    print("connected", flush=True)
    for conversation_id in greeted:
        await bot.send(conversation_id, "hello", once="hello")


@bot.command("vehicle")
async def vehicle(message: Message, plate: str) -> None:
    """Look a vehicle up."""
    await message.reply(f"{plate} {'again' if message.redelivered else 'first'}")


def _end() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def stop_at(step: str, armed: Path) -> None:
    """End this process around the handler, once a file is there."""
    handle: Callable[[Handlers, Message], Awaitable[None]] = Handlers.handle

    def ends() -> bool:
        return armed.exists()

    @functools.wraps(handle)
    async def ending(handlers: Handlers, message: Message) -> None:
        if step == BEFORE and ends():
            _end()
        await handle(handlers, message)
        if ends():
            _end()

    setattr(Handlers, "handle", ending)  # noqa: B010 - a method of another class.


def main() -> None:
    """Run the bot."""
    parser = argparse.ArgumentParser()
    parser.add_argument("state", type=Path)
    parser.add_argument("--stop")
    parser.add_argument("--armed", type=Path)
    parser.add_argument("--greet", help="a conversation's id")
    options = parser.parse_args()
    if options.stop in {BEFORE, AFTER}:
        stop_at(options.stop, options.armed)
    elif options.stop:
        preloaded = Path(__file__).with_name("stopping.mjs")
        os.environ |= {
            "NODE_OPTIONS": f"--import={preloaded}",
            "STOP": options.stop,
            "ARMED": str(options.armed),
        }
    if options.greet:
        greeted.append(options.greet)
    bot.uses(options.state)
    bot.run()


if __name__ == "__main__":
    main()
