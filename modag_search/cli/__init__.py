"""The command line: parse, call, print; no logic."""

from __future__ import annotations

import atexit
import gc
import io
import logging
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import click

from modag_search import __version__
from modag_search.cli.hints import note_index
from modag_search.cli.logs import HarmlessFormatter
from modag_search.cli.output import say
from modag_search.cli.threads import keep_to_one_thread
from modag_search.errors import ModagError, NothingFoundError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

FAILED = 1
USAGE = 2
NOTHING_FOUND = 4
INTERRUPTED = 130

_LACK_OF_MEMORY = ("failed to map segment", "cannot allocate memory", "can't start new thread", "std::bad_alloc")
"""What libraries and the interpreter say where they get no memory, if they do not say MemoryError."""

_INTERRUPTED = "interrupted; what was finished is kept, and the same command goes on from there"
_INTERRUPTED_AT_ONE = "interrupted; nothing was written, and the same command begins anew"
_INTERRUPTED_READING = "interrupted; nothing was changed"
_READING_VERBS = frozenset(
    {"audit", "classify", "duplicates", "evaluate", "explain", "failures", "info", "search", "suggest", "verify"}
)
_WRITING_OPTIONS = ("--copy-to", "--link-to", "--repair")
"""With these, they write after all."""
_WHOLE_VERBS = frozenset({"backup", "evaluate", "gallery", "map", "report", "restore"})
"""These write one thing, at their end, or nothing; of those that may only read, with this option."""
_WHOLE_OPTION = "--report"

_VERBS = {
    "demo": "demonstration",
    "index": "indexing",
    "failures": "indexing",
    "exclude": "indexing",
    "roots": "rooting",
    "forget": "forgetting",
    "search": "searching",
    "export": "exporting",
    "report": "reporting",
    "gallery": "galleries",
    "label": "labelling",
    "tag": "tagging",
    "classify": "classifying",
    "explain": "explaining",
    "transfer": "classifying",
    "suggest": "curating",
    "audit": "curating",
    "duplicates": "curating",
    "map": "mapping",
    "serve": "serving",
    "evaluate": "evaluating",
    "rebuild": "upkeep",
    "verify": "upkeep",
    "backup": "backing_up",
    "restore": "backing_up",
    "copy": "backing_up",
    "info": "upkeep",
    "migrate": "upkeep",
    "models": "models",
    "train": "training",
}

_QUICK_VERBS = frozenset(
    {
        "backup",
        "exclude",
        "explain",
        "export",
        "failures",
        "info",
        "label",
        "models",
        "restore",
        "roots",
        "search",
        "tag",
    }
)
"""Those whose products of matrices are too small for several threads: starting them would take longer."""


class Verbs(click.Group):
    """Finds verbs without importing the modules of all others."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """Names of the verbs, in the order of a user's way."""
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the module of a verb."""
        if cmd_name not in _VERBS:
            return None
        if cmd_name in _QUICK_VERBS:
            keep_to_one_thread()
        module = import_module(f"modag_search.cli.{_VERBS[cmd_name]}")
        command: click.Command = getattr(module, cmd_name)
        return command


@click.command(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="modag")
@click.pass_context
def modag(context: click.Context) -> None:
    """Ask with a sound, get pictures; ask with a picture, get sounds.

    \b
    modag index ~/Music ~/Pictures          take files in
    modag search trumpet.wav                what goes with this sound?
    modag search photo.jpg --modality sound what sounds go with this picture?

    Exit status: 0 done, 1 failed, 2 usage, 3 done but some inputs failed, 4 nothing found.
    """  # noqa: D301  click reads the character
    logging.addLevelName(logging.WARNING, "warning")
    logging.basicConfig(stream=sys.stderr)
    for handler in logging.getLogger().handlers:
        handler.setFormatter(HarmlessFormatter("%(levelname)s: %(message)s"))
    if os.environ.get("NO_COLOR"):  # https://no-color.org
        context.color = False


def main() -> None:
    """Run the command line; errors of ours become a line on stderr and an exit status."""
    # What imports make stays: to look through it for garbage at every 700 objects, and at last before the system takes
    # all memory back, is in vain.
    gc.set_threshold(10_000)
    atexit.register(gc.freeze)
    note_index(None)
    try:
        modag.main(standalone_mode=False)
    except UsageError as error:
        _leave(USAGE, f"error: {error}")
    except NothingFoundError as error:
        _leave(NOTHING_FOUND, str(error))
    except ModagError as error:
        _leave(FAILED, f"error: {error}")
    except click.ClickException as error:
        _show(error)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt) as error:
        _leave(INTERRUPTED, str(error) or _interrupted(sys.argv[1:]))
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(FAILED)
    except (MemoryError, ImportError, RuntimeError, OSError) as error:
        if _comes_of_lack_of_memory(error):
            _leave(
                FAILED,
                "error: there is too little memory, or too few threads are allowed; free some, or raise the limits of "
                "this process (`ulimit -v`, `ulimit -u`), then run the same command again",
            )
        if not isinstance(error, OSError):
            raise
        _leave(FAILED, f"error: {error}")


def _interrupted(arguments: Sequence[str]) -> str:
    """Say what there is of a verb that was broken off: nothing of one that only reads, or writes at its end."""
    verb = arguments[0] if arguments else ""
    writing = (*_WRITING_OPTIONS, _WHOLE_OPTION)
    only_reads = verb in _READING_VERBS and not any(argument.startswith(writing) for argument in arguments)
    if only_reads or "--dry-run" in arguments:
        return _INTERRUPTED_READING
    return _INTERRUPTED_AT_ONE if verb in _WHOLE_VERBS else _INTERRUPTED


def _comes_of_lack_of_memory(error: BaseException) -> bool:
    said = str(error).lower()
    return isinstance(error, MemoryError) or any(words in said for words in _LACK_OF_MEMORY)


def _show(error: click.ClickException) -> None:
    """Print what click says of a command that cannot be meant, and how it is used; what was given may be a name."""
    from modag_search.cli.meant import as_meant

    shown = io.StringIO()
    as_meant(error, sys.argv[1:]).show(shown)
    for line in shown.getvalue().removesuffix("\n").split("\n"):
        say(line)


def _leave(status: int, message: str) -> None:
    say(message)
    sys.exit(status)
