"""``copconnect-bot``: register, confirm, conduct, status, run. Thin: arguments in, words out."""

import argparse
import asyncio
import contextlib
import getpass
import importlib
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from copconnect import wire
from copconnect.bot.bot import PASSPHRASE_VARIABLE, Bot, key_file_of, unlock_of
from copconnect.bot.core import Core, Event, OpenedDevice, Status, opened
from copconnect.bot.enrolling import accept, confirm, enrol, standing
from copconnect.bot.failures import BotFailure
from copconnect.bot.state import KeyFile, Passphrase, Unlock, make_private

_CONNECT_S = 10.0
_ANSWERS = {"y": True, "yes": True, "n": False, "no": False}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit status."""
    options = _parser().parse_args(arguments)
    act: Callable[[argparse.Namespace], None] = options.act
    try:
        act(options)
    except BotFailure as failure:
        print(f"copconnect-bot: {failure}", file=sys.stderr)
        return 1
    except EOFError:
        print("copconnect-bot: the input ended before the answer", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="copconnect-bot",
        description="Registers and runs bots: members of conversations that are programs.",
        epilog=f"The state file is opened by the key file beside it, or by the passphrase in"
        f" {PASSPHRASE_VARIABLE}.",
    )
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(
        name: str, act: Callable[[argparse.Namespace], None], help_: str
    ) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=help_, description=help_)
        made.set_defaults(act=act)
        made.add_argument("--state", type=Path, required=name != "run", help="the bot's state file")
        made.add_argument("--key-file", type=Path, help="default: the state file's name and .key")
        made.add_argument("--ca-file", type=Path, help="the CA of the server's certificate")
        return made

    made = command("register", _register, "Register a number of the data bank as a bot.")
    made.add_argument("--server", required=True, help="https://…")
    made.add_argument("--number", required=True, help="the bot's number in the data bank")
    made.add_argument("--label", default="Bot", help="the device's name, for admins")
    made.add_argument("--code", help="the code that was sent; asked for otherwise")
    made.add_argument("--accept-conduct", action="store_true", help="accept the code of conduct")
    made.add_argument("--passphrase", action="store_true", help="ask for one; make no key file")
    command("confirm", _confirm, "Show the digits to an admin, until the bot is confirmed.")
    made = command("conduct", _conduct, "Accept a new version of the code of conduct.")
    made.add_argument("--accept-conduct", action="store_true", help="accept it unasked")
    command("status", _status, "Print the state of the bot. The bot must not run meanwhile.")
    made = command("run", _run, "Run a bot until SIGTERM.")
    made.add_argument("program", help="module:variable, such as examples.vehicles:bot")
    return parser


def _unlock(options: argparse.Namespace) -> Unlock:
    return unlock_of(options.state, options.key_file)


def _new_unlock(options: argparse.Namespace) -> Unlock:
    if options.passphrase:
        words = os.environ.get(PASSPHRASE_VARIABLE) or getpass.getpass("Passphrase: ")
        if len(words) < 12:
            raise BotFailure("a passphrase has at least 12 characters")
        return Passphrase(words)
    return KeyFile.make(options.key_file or key_file_of(options.state))


def _opened(
    options: argparse.Namespace,
) -> contextlib.AbstractAsyncContextManager[tuple[Core, OpenedDevice]]:
    return opened(options.state, _unlock(options), ca_file=options.ca_file)


def _register(options: argparse.Namespace) -> None:
    # A registration that broke off continues in its file.
    if options.state.exists():
        unlock = _unlock(options)
    else:
        unlock = _new_unlock(options)
        make_private(options.state)

    async def work() -> None:
        async with opened(
            options.state, unlock, server=options.server, ca_file=options.ca_file
        ) as (core, _):
            await enrol(
                core,
                options.number,
                ask_code=lambda: options.code or input("The code that was sent: "),
                ask_enrolment_code=lambda: input("The code of the letter: "),
                accept_conduct=lambda code: options.accept_conduct or _agrees(code),
                label=options.label,
            )

    asyncio.run(work())
    print(f"Registered. The state is in {options.state}. Now: copconnect-bot confirm")


def _agrees(code: wire.ConductCode) -> bool:
    print(code.title)
    for number, rule in enumerate(code.rules, 1):
        print(f"{number}. {rule}")
    return _asks("Accept for this bot? [y/n] ")


def _asks(question: str) -> bool:
    while (answer := input(question).strip().lower()) not in _ANSWERS:
        print("Please answer yes or no.")
    return _ANSWERS[answer]


def _knows(admin: str) -> bool:
    """Ask the operator, who has spoken with the admin."""
    return _asks(f"{admin} wants to confirm this bot. Show the digits? [y/n] ")


def _confirm(options: argparse.Namespace) -> None:
    async def work() -> None:
        async with _opened(options) as (core, _):
            await confirm(core, _knows, lambda digits: print(f"Digits for the admin: {digits}"))

    asyncio.run(work())
    print("The bot is confirmed.")


def _conduct(options: argparse.Namespace) -> None:
    async def work() -> None:
        async with _opened(options) as (core, _):
            await accept(core, lambda code: options.accept_conduct or _agrees(code))

    asyncio.run(work())


def _status(options: argparse.Namespace) -> None:
    asyncio.run(_say_status(options))


async def _say_status(options: argparse.Namespace) -> None:
    async with _opened(options) as (core, found):
        in_step = asyncio.Event()
        core.listen(lambda event: _follow(event, in_step))
        if not (await standing(core)).in_step:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(in_step.wait(), _CONNECT_S)
        found_status = await core.call(Status, "bot.status")
    _print_status(found.server, found_status)


def _follow(event: Event, in_step: asyncio.Event) -> None:
    if event.state is not None and event.state.in_step:
        in_step.set()


def _print_status(server: str, status: Status) -> None:
    print(f"server         {server}")
    print(f"client         {status.client_id}")
    print(f"device         {status.device}")
    if not status.state.in_step:
        print("unreachable    the server does not answer, or does not take this bot")
    print(f"confirmed      {'yes' if status.state.confirmed else 'no'}")
    for one in status.conversations:
        print(f"conversation   {one.conversation_id} {one.name} ({one.members} members)")
    print(f"to be sent     {status.outgoing}")
    print(f"to be handled  {status.waiting}")
    print(f"without a key  {status.keyless}")
    print(f"refused        {status.refused}")
    for row in status.set_aside:
        print(f"set aside      {_time(row.sent_ms)} {row.message_id}: {row.failed}")
    for alarm in status.alarms:
        print(f"ALARM          {alarm}")


def _time(ms: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(ms / 1000))


def _run(options: argparse.Namespace) -> None:
    module, _, name = options.program.partition(":")
    sys.path.insert(0, str(Path.cwd()))
    try:
        bot = getattr(importlib.import_module(module), name or "bot")
    except (ImportError, AttributeError) as error:
        raise BotFailure(f"{options.program}: {error}") from error
    if not isinstance(bot, Bot):
        raise BotFailure(f"{options.program} is no Bot")
    if options.state is not None:
        bot.uses(options.state, key_file=options.key_file, ca_file=options.ca_file)
    bot.run()
