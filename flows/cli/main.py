"""The command `autotune`: finds the command, runs it, and says how it ended.

Nothing heavy is imported before the first line is on the screen.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

from flows import __version__
from flows.cli.console import message, print_document, told_of_waiting
from flows.cli.exit_code import ExitCode, UsageError
from flows.cli.options import add_command
from flows.cli.parsing import Parser, one_of, shown
from flows.errors import Refused
from flows.language.catalogue import Language, phrase, speaking
from flows.values.progress import listening

# In the order of the help. Each is a module of this room with `COMMAND`, what the command of its name is called with,
# and `run`; only the one that is asked for is imported.
COMMANDS = [
    "demo",
    "propose",
    "inspect",
    "export",
    "tune",
    "show",
    "report",
    "parity",
    "entry",
    "apply",
    "tidy",
    "rollback",
    "recover",
    "baseline",
    "history",
    "backfill",
    "nights",
    "doctor",
    "notices",
    "setup",
    "serve",
    "page",
]
INTERRUPTED, PIPE_CLOSED = 130, 141  # as a shell counts what a signal ended


def parser(*commands: str) -> Parser:
    """The command line with these commands, all where none is given."""
    top = Parser(
        prog="autotune",
        description="Insulin-pump settings tuned by the reference OpenAPS oref0 autotune from your Nightscout data. "
        "It proposes. Only `apply` and `rollback` write, what a person approved, to Nightscout; nothing to a pump.",
    )
    top.add_argument("--version", action="version", version=f"autotune-flows {__version__}")
    subparsers = top.add_subparsers(title="commands", required=True, dest="command", metavar="COMMAND")
    for command in commands or COMMANDS:
        add_command(subparsers, command, _module(command).COMMAND)
    return top


def _module(command: str) -> ModuleType:
    return import_module(f"flows.cli.{command}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit status is an `ExitCode`, or that of a signal."""
    given = sys.argv[1:] if argv is None else argv
    arguments = parser(*(name for name in given[:1] if name in COMMANDS)).parse_args(given)
    try:
        language = _language(arguments)
    except UsageError as error:
        message(str(error))
        return ExitCode.USAGE
    with speaking(language):
        return _run(arguments)


def _language(arguments: argparse.Namespace) -> Language:
    """The language of the option, else of the environment, which is imported only where it may name one."""
    if arguments.language:
        return Language(arguments.language)
    if "AUTOTUNE_LANGUAGE" not in os.environ:
        return Language.ENGLISH
    from flows.environment import environment_now

    named = environment_now().language or Language.ENGLISH.value
    known = [language.value for language in Language]
    if named.lower() not in known:
        raise UsageError(f"autotune: AUTOTUNE_LANGUAGE takes {one_of(known)}, not {shown(named)}")
    return Language(named.lower())


def _run(arguments: argparse.Namespace) -> int:
    try:
        with listening(told_of_waiting):
            return int(_module(arguments.command).run(arguments))
    except Refused as refusal:
        return _refused(refusal, arguments)
    except UsageError as error:
        message(str(error))
        return ExitCode.USAGE
    except KeyboardInterrupt:
        message(phrase("Stopped."))
        return INTERRUPTED
    except BrokenPipeError:
        return PIPE_CLOSED
    except Exception as error:
        from flows.environment import environment_now

        if environment_now().debug:
            raise
        message(
            phrase(
                "Internal error: {kind}. Set AUTOTUNE_DEBUG=1 to see where, and please report it.",
                kind=type(error).__name__,
            )
        )
        return ExitCode.INTERNAL


def _refused(refusal: Refused, arguments: argparse.Namespace) -> ExitCode:
    message(phrase("Refused: {sentence}", sentence=refusal.spoken_sentence) + f"\n         {refusal.spoken_remedy}")
    if getattr(arguments, "as_json", False):
        from flows.pipeline.publish import refusal_document

        print_document(refusal_document(refusal, getattr(arguments, "run_made", None)))
    return ExitCode.REFUSED


if __name__ == "__main__":
    sys.exit(main())
