"""The documents hold together: links lead somewhere, what they name is there, and what they show runs."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections import Counter
from importlib import import_module
from typing import TYPE_CHECKING

import click
import pytest
import yaml

from modag_search.cli import modag
from tests.documents import DOCS, README, ROOT, blocks, pages, without_blocks
from tests.made_media import BLUE, HIGH_HZ, LOW_HZ, RED, picture, sound
from tests.toy_encoders import toy_index

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MOST_WORDS = 900
PAGES = pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))


def anchors(page: Path) -> set[str]:
    """Return what GitHub calls the headings of a page."""
    counts: Counter[str] = Counter()
    found = set()
    for heading in re.findall(r"^#+ (.*)$", without_blocks(page), re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        found.add(f"{slug}-{counts[slug]}" if counts[slug] else slug)
        counts[slug] += 1
    return found


@PAGES
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", without_blocks(page)):
        if "://" not in link:
            file, _, anchor = link.partition("#")
            target = page.parent / file if file else page
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


@PAGES
def test_what_is_named_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    rooms = r"(?:\.ci|docs|migrations|modag_search|scripts|tests)"
    for path in re.findall(rf"(?<![\w/.-])(?:\./)?({rooms}/[\w./-]*\w)", text):
        assert (ROOT / path).exists(), path
    for dotted in re.findall(r"(?<![\w/.-])modag_search((?:\.[A-Za-z_]\w*)+)", text):
        found: object = import_module("modag_search")
        for name in dotted.removeprefix(".").split("."):
            found = getattr(found, name, None) or import_module(f"{found.__name__}.{name}")  # type: ignore[attr-defined]


def shown_commands(page: Path) -> Iterator[list[str]]:
    """Return the words of each `modag` command that a page shows."""
    for language in ("sh", "console"):
        for block in blocks(page, language):
            for line in block.splitlines():
                for part in re.split(r"\s\|\s", line.removeprefix("$ ")):
                    if part.startswith("modag "):
                        yield shlex.split(part, comments=True)[1:]


def command_of(words: list[str]) -> tuple[click.Command, list[str]]:
    """Find the verb of a command; return it with the words after it."""
    command: click.Command = modag
    while isinstance(command, click.Group):
        context = click.Context(command)
        verb = words[0] if words and words[0] in command.list_commands(context) else None
        below = command.get_command(context, verb or getattr(command, "default_cmd_name", None) or "")
        if below is None:
            break
        command, words = below, words[1:] if verb else words
    return command, words


@PAGES
def test_commands_that_are_shown_can_be_meant(page: Path) -> None:
    for words in shown_commands(page):
        command, rest = command_of(words)
        assert command is not modag, words
        known = {option for parameter in command.params for option in parameter.opts} | {"-", "--help", "--version"}
        for word in rest:
            assert not word.startswith("-") or word in known or word.lstrip("-").isdigit(), (words, word)


def test_containers_are_told_what_can_be_meant() -> None:
    services = yaml.safe_load((DOCS / "compose.yaml").read_text(encoding="utf-8"))["services"]
    of_ours = [service for service in services.values() if service.get("command", [""])[0] == "modag"]
    assert len(of_ours) == 2
    for service in of_ours:
        command, rest = command_of(service["command"][1:])
        command.make_context(str(command.name), rest, resilient_parsing=False)
        named = {parameter.envvar for parameter in command.params if isinstance(parameter, click.Option)}
        assert "MODAG_INDEX" in named & service["environment"].keys()


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_say_first_who_needs_them(page: Path) -> None:
    title, first = without_blocks(page).strip().split("\n\n")[:2]
    assert title.startswith("# ")
    assert first.startswith(("For those who ", "For those whose "))


@PAGES
def test_lines_are_of_readable_length(page: Path) -> None:
    generated = {DOCS / "benchmarks" / name for name in ("labels.md", "results.md", "trials.md")}
    if page not in generated:
        long = [line for line in without_blocks(page).splitlines() if len(line) > 120 and not line.startswith("|")]
        assert long == []


def test_the_readme_is_short() -> None:
    prose = [line for line in without_blocks(README).splitlines() if not line.startswith("|")]
    assert len(" ".join(prose).split()) < MOST_WORDS


def test_the_index_of_pages_is_whole() -> None:
    linked = set(re.findall(r"\]\((docs/[^)#\s]+)", README.read_text(encoding="utf-8")))
    assert linked == {str(page.relative_to(ROOT)) for page in DOCS.glob("*.md")} | {"docs/benchmarks/README.md"}


@pytest.mark.parametrize("page", [README, DOCS / "python.md"], ids=lambda page: page.name)
def test_python_examples_run(
    page: Path, tmp_path: Path, toys: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, colour, hz in (("trumpet", RED, LOW_HZ), ("harbour", BLUE, HIGH_HZ)):
        picture(tmp_path / f"pictures/{name}.jpg", colour)
        sound(tmp_path / f"sounds/{name}.wav", (hz, 1))
    sound(tmp_path / "trumpet.wav", (LOW_HZ + 20, 1))
    sound(tmp_path / "unknown.wav", (LOW_HZ + 40, 1))
    toy_index(tmp_path / "indexes/mine").close()  # so that the example finds an index that needs no network
    [example] = blocks(page, "python")
    exec(compile(example, str(page), "exec"), {})
    printed = capsys.readouterr().out
    assert str(tmp_path / "pictures/trumpet.jpg") in printed
    assert "trumpet" in printed.splitlines()[-1]


def test_the_rooms_are_those_of_the_contract() -> None:
    with open(ROOT / "pyproject.toml", "rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    [layers] = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    built = [[room for room in layer.split(" | ") if not room.startswith("(")] for layer in layers]
    drawn = blocks(DOCS / "development.md", "text")[0]
    assert [line.split() for line in drawn.splitlines()] == built
