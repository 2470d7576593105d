"""Options and verbs that are not there: what they were meant for, by a slip or in the words of other programs."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_ALIKE = 0.75
"""Share of letters in common, dashes left out: with these, any long option has much in common with any other."""

_LEAST: Final = ("min_relevance", "min_similarity", "min_confidence")
_RESULT: Final = ("target", "output", "output_format")
_OPTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(("count", "limit", "max", "max-count", "max-results", "num", "number", "results", "size"), ("n",)),
    **dict.fromkeys(("top", "top-k", "top-n", "topk"), ("n",)),
    **dict.fromkeys(("k", "n"), ("n", "k")),
    **dict.fromkeys(("cutoff", "min", "min-score", "score", "threshold"), _LEAST),
    **dict.fromkeys(("dir", "directory", "folder", "in", "path", "within"), ("under",)),
    **dict.fromkeys(("o", "out", "output", "output-file"), _RESULT),
    **dict.fromkeys(("csv", "f", "json", "jsonl"), ("output_format",)),
    **dict.fromkeys(("collection", "database", "db", "i"), ("index_name",)),
    **dict.fromkeys(("j", "jobs", "num-workers", "processes", "threads", "w"), ("workers",)),
    **dict.fromkeys(("kind", "media-type", "modality", "t", "type"), ("kind", "modality")),
    **dict.fromkeys(("add", "class", "l", "label", "labels", "name", "tag"), ("names", "label")),
    **dict.fromkeys(("dryrun", "preview", "simulate"), ("dry_run",)),
    **dict.fromkeys(("ignore", "skip"), ("exclude",)),
    **dict.fromkeys(("p",), ("port",)),
    **dict.fromkeys(("bind", "listen"), ("host",)),
}
"""Words of other programs, with the parameters that do the same here; of these, the first that a verb has is named."""
_VERBS: Final = {
    **dict.fromkeys(("add", "create", "import", "ingest", "init", "new", "scan"), "index"),
    **dict.fromkeys(("ask", "find", "match", "query", "similar"), "search"),
    **dict.fromkeys(("delete", "remove", "rm"), "forget"),
    **dict.fromkeys(("list", "ls", "show", "stat", "stats", "status"), "info"),
    **dict.fromkeys(("errors", "failed"), "failures"),
    **dict.fromkeys(("identify", "name", "predict"), "classify"),
    **dict.fromkeys(("dedup", "dedupe", "dups"), "duplicates"),
    **dict.fromkeys(("gui", "open", "ui", "web"), "serve"),
    **dict.fromkeys(("annotate", "labels"), "label"),
    **dict.fromkeys(("ignore", "skip"), "exclude"),
    **dict.fromkeys(("check", "fsck"), "verify"),
}


def as_meant(error: click.ClickException, arguments: Sequence[str]) -> click.ClickException:
    """Return what click says of a command that cannot be meant, with what it was meant for, if anything.

    That is an option or a verb that is not there, or options that stand behind ``--``.
    """
    context = getattr(error, "ctx", None)
    if context is None:
        return error
    if (option := _option_behind_dashes(arguments)) and isinstance(error, click.UsageError):
        behind = f"options stand before --: behind it, {option} is taken for a path"
        return click.UsageError(f"{error.format_message().removesuffix('.')}; {behind}", ctx=context)
    if isinstance(error, click.NoSuchOption):
        meant = _options_meant(error.option_name, context.command)
    elif isinstance(context.command, click.Group) and (verb := getattr(error, "command_name", None)):  # click 8.4
        verbs = context.command.list_commands(context)
        meant = [word for word in [_VERBS.get(verb)] if word in verbs] or _alike(verb, verbs)
    else:
        return error
    asked = f" Did you mean {' or '.join(map(repr, meant))}?" if meant else ""
    return click.UsageError(f"{getattr(error, 'message', '')}{asked}", ctx=context)


def _option_behind_dashes(arguments: Sequence[str]) -> str | None:
    """Return the first of what looks like an option behind ``--``."""
    behind = arguments[arguments.index("--") + 1 :] if "--" in arguments else ()
    return next((one for one in behind if one.startswith("--")), None)


def _options_meant(option: str, command: click.Command) -> list[str]:
    """Return the option that does what a word says elsewhere, or those that are written alike."""
    word = option.lstrip("-").replace("_", "-").lower()
    of_verb = {one.name: one.opts[0] for one in command.params if isinstance(one, click.Option)}
    for name in _OPTIONS.get(word, ()):
        if name in of_verb and of_verb[name] != option:
            return [of_verb[name]]
    names = {one.lstrip("-"): one for one in of_verb.values() if one.startswith("--")}
    return [names[name] for name in _alike(word, names)]


def _alike(word: str, words: Iterable[str]) -> list[str]:
    """Return words that begin with one, or else those that have nearly the same letters."""
    known = list(words)
    longer = [one for one in known if len(word) > 1 and one.startswith(word)]
    return longer[:3] or difflib.get_close_matches(word, known, cutoff=_ALIKE)
