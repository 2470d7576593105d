"""``scripts/environment.sh``: what it installs, and when; with stand-ins for uv and for a Python environment."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
LIGHT = "install --editable .[web]"
FULL = "install --editable .[dask,heic,map,milvus,postgres,transformers,web,yamnet] --group"

# Keeps no packages, only a log of what was to be installed.
UV = """#!/bin/sh
case $1 in
venv) for folder; do :; done; mkdir -p "$folder/bin"; ln -sf {python} "$folder/bin/python" ;;
pip) shift; case " $* " in *" --python .venv/bin/python "*) ;; *) exit 9 ;; esac
     echo "$*" | sed 's| --python .venv/bin/python||; s| --quiet||' >>uv.log ;;
esac
"""


class Checkout:
    """A folder in which ``prepare_environment`` runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "bin").mkdir(parents=True)
        (folder / "bin" / "uv").write_text(UV.format(python=sys.executable))
        (folder / "bin" / "uv").chmod(0o755)
        (folder / "pyproject.toml").write_text("[project]\n")
        shutil.copy(SCRIPTS / "environment.sh", folder)

    def prepare(self, *group: str) -> tuple[list[str], str]:
        """Return what is installed, a line an installation, and what is said."""
        log = self.folder / "uv.log"
        log.unlink(missing_ok=True)
        done = subprocess.run(
            ["sh", "-euc", '. ./environment.sh; prepare_environment "$@"', "demo", *group],
            check=True,
            capture_output=True,
            text=True,
            cwd=self.folder,
            env={"PATH": f"{self.folder / 'bin'}:/usr/bin:/bin", "PYTHON": sys.executable},
        )
        return (log.read_text().splitlines() if log.exists() else []), done.stderr


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "checkout")


def test_a_light_environment_becomes_a_full_one(checkout: Checkout) -> None:
    installed, said = checkout.prepare()
    assert installed == [LIGHT]
    assert "about 0.5 GB" in said
    assert "PyTorch" not in said
    assert checkout.prepare() == ([], "")
    installed, said = checkout.prepare("test")
    assert installed == [f"{FULL} test"]
    assert "with PyTorch" in said
    assert checkout.prepare("dev")[0] == [f"{FULL} dev"]


def test_a_full_environment_serves_as_it_is(checkout: Checkout) -> None:
    assert checkout.prepare("dev")[0] == [f"{FULL} dev"]
    assert checkout.prepare("test") == ([], "")
    assert checkout.prepare() == ([], "")


def test_a_change_of_what_is_needed_is_installed_by_whoever_comes_by(checkout: Checkout) -> None:
    checkout.prepare("test")
    (checkout.folder / "pyproject.toml").write_text("[project]\ndependencies = []\n")
    assert checkout.prepare()[0] == [LIGHT]
    assert checkout.prepare("test")[0] == [f"{FULL} test"]
    assert checkout.prepare()[0] == []


def test_an_environment_made_anew_holds_nothing(checkout: Checkout) -> None:
    checkout.prepare("dev")
    (checkout.folder / ".venv" / "bin" / "python").unlink()
    assert checkout.prepare()[0] == [LIGHT]
    assert checkout.prepare("test")[0] == [f"{FULL} test"]


@pytest.mark.parametrize("script", ["demo", "test"])
def test_help_tells_the_size(script: str) -> None:
    said = subprocess.run(["sh", SCRIPTS / script, "--help"], check=True, capture_output=True, text=True).stdout
    assert ("0.5 GB" in said.replace("\n", " ")) == (script == "demo")
