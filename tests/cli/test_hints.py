"""Commands that messages propose: they exist, and go to the index that was asked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

import modag_search
from modag_search.cli import modag as program
from modag_search.cli.hints import WITHOUT_INDEX, completed, index_given, note_index
from tests.made_media import RED, picture
from tests.toy_encoders import toy_index

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.command_line import CommandLine

PACKAGE = Path(modag_search.__file__).parent


def commands(command: click.Command, name: str = "") -> Iterator[tuple[str, click.Command]]:
    """All verbs by name, those of groups too."""
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for verb in command.list_commands(context):
            found = command.get_command(context, verb)
            assert found is not None
            yield from commands(found, f"{name} {verb}".strip())


COMMANDS = dict(commands(program))


@pytest.fixture
def named() -> Iterator[None]:
    note_index("my sounds")
    yield
    note_index(None)


def test_all_verbs_but_those_without_an_index_have_hints_name_it() -> None:
    for name, command in COMMANDS.items():
        options = [one for one in command.params if one.name == "index_name"]
        is_group = isinstance(command, click.Group)
        is_without = not WITHOUT_INDEX.isdisjoint({name, name.partition(" ")[0]})
        assert is_group or is_without or [one.callback for one in options] == [index_given], name


def test_commands_that_messages_propose_exist() -> None:
    proposed = {
        hint
        for path in PACKAGE.rglob("*.py")
        for hint in re.findall(r"`modag ([a-z]+(?: [a-z]+)?)", path.read_text(encoding="utf-8"))
    }
    assert len(proposed) > 30
    for hint in proposed:
        verb, _, of_group = hint.partition(" ")
        assert verb in COMMANDS, hint
        known = getattr(COMMANDS[verb], "commands", {})
        assert not known or "give" in known or of_group in {"", *known}, hint


@pytest.mark.usefixtures("named")
@pytest.mark.parametrize(
    ("told", "then"),
    [
        ("`modag index PATH...` takes", "`modag index PATH... --index 'my sounds'` takes"),
        (
            "`modag train head`, `modag audit`",
            "`modag train head --index 'my sounds'`, `modag audit --index 'my sounds'`",
        ),
        ("`modag restore FILE --index NEW`", "`modag restore FILE --index NEW`"),
        ("`modag restore` brings", "`modag restore` brings"),
        ("`modag train names` joins", "`modag train names` joins"),
        ("`modag models add NAME FILE`", "`modag models add NAME FILE`"),
        ("modag index, `--retry-failed`", "modag index, `--retry-failed`"),
    ],
)
def test_hints_name_the_index(told: str, then: str) -> None:
    assert completed(told) == completed(then) == then


@pytest.mark.usefixtures("named")
@pytest.mark.parametrize("name", ["a`modag info`b", "x`modag info`", "/m/`modag info`.wav", "`modag info`_2"])
def test_a_name_that_holds_what_looks_like_a_command_stays_as_it_is(name: str) -> None:
    hint = "`modag failures --index 'my sounds'` says why"
    assert completed(f"{name}: `modag failures` says why") == f"{name}: {hint}"


def test_tables_show_names_as_they_are(modag: CommandLine, toys: None) -> None:
    here = ("--index", "./mine")
    names = ["a`modag info`b", "`modag info`", "see `modag info`"]
    picture(modag.folder / "a.png", RED)
    (modag.folder / "torn `modag info` .png").write_bytes(b"no picture")
    assert modag("index", ".", *here).status == 3
    assert modag("label", "a.png", *(word for name in names for word in ("--as", name)), *here).status == 0
    for verb in ("info a.png", "label list", "label hierarchy", "label runs", "search a.png", "tag list"):
        shown = modag(*verb.split(), "--format", "table", *here)
        assert "`modag info --index" not in shown.stdout.decode(), verb
    listed = modag("failures", "--format", "table", *here)
    assert "torn `modag info` .png" in listed.stdout.decode()
    failed = modag("index", ".", "--retry-failed", *here)
    assert "failed: " in failed.stderr
    assert "torn `modag info` .png: " in failed.stderr


def test_no_hint_tells_a_password() -> None:
    note_index("postgresql://ada:secret@host/music")
    assert completed("`modag verify`") == "`modag verify --index postgresql://ada@host/music`"
    note_index(None)
    assert completed("`modag verify`") == "`modag verify`"


def test_the_index_that_was_asked_is_named_in_errors_words_and_tables(modag: CommandLine, toys: None) -> None:
    toy_index(modag.folder / "my sounds").close()
    here = ("--index", "./my sounds")
    empty = modag("audit", *here)
    assert empty.status == 4
    assert empty.error == "the index is empty; `modag index PATH... --index './my sounds'` takes files in"
    assert "`modag label list --index './my sounds'` lists them" in modag("label", "rename", "a", "b", *here).error
    (modag.folder / "torn.png").write_bytes(b"no picture")
    failed = modag("index", "torn.png", *here)
    assert failed.status == 3
    table = modag("info", "torn.png", "--format", "table", *here).stdout.decode()
    assert "only `modag index --retry-failed --index './my sounds'` reads it" in table


def test_what_the_environment_names_goes_without_saying(toy: CommandLine) -> None:
    assert toy("audit").error == "the index is empty; `modag index PATH...` takes files in"


def test_warnings_name_the_index(modag: CommandLine, toys: None) -> None:
    with toy_index(modag.folder / "mine") as index:
        stores = index.folder / "stores"
        index.rebuild()
    for store in stores.iterdir():
        store.write_bytes(b"")
    told = modag("verify", "--index", "./mine").stderr
    assert "`modag verify --repair --index ./mine` mends" in told
