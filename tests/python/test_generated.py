"""Shell completion and the man page are what the options make of them, and a user can use them.

After a change of the options:

    SUPERCHAT_REFRESH=1 python -m pytest tests/python/test_generated.py
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import shtab
from argparse_manpage.manpage import Manpage  # type: ignore[import-untyped]
from processes import DEADLINE

import superchat
from superchat.cli import grammar, options

SHARE = Path(__file__).parents[2] / "superchat.data/data/share"
INSTALLED = Path(sys.prefix) / "share"


def parser() -> options.Parser:
    made = options.build_parser("superchat")
    for action in made._actions:
        if action.dest in ("history", "directory"):
            kind = shtab.FILE if action.dest == "history" else shtab.DIRECTORY
            setattr(action, "complete", kind)
    return made


def completion(shell: str) -> str:
    made: str = shtab.complete(parser(), shell)
    return "\n".join(line.rstrip() for line in made.splitlines()) + "\n"


def listed(rows: list[tuple[str, str]]) -> str:
    """A list of terms and what they mean, in the macros of man(7)."""
    lines = [f".TP\n\\fB{term}\\fR\n{meaning}" for term, meaning in rows]
    return "\n".join(lines).replace("-", "\\-")


def manual() -> str:
    made = parser()
    made.epilog = None
    page = Manpage(made)
    page.date, page.source = "", f"superchat {superchat.__version__}"
    page.manual, page.description = "User Commands", "chat over UDP, with receipts that tell the truth"
    page.add_section(
        "synopsis",
        "=",
        "\\fBsuperchat\\fR [options] \\fB\\-s\\fR \\fIport\\fR\n.br\n\\fBsuperchat\\fR [options] "
        "\\fB\\-c\\fR \\fInick-name\\fR \\fIserver-ip\\fR \\fIserver-port\\fR \\fIclient-port\\fR",
    )
    forms = [(form.usage, f"{form.about}. {form.more}") for form in grammar.FORMS.values()]
    page.add_section("commands of a client", "=", listed(forms))
    statuses = [(str(status), meaning) for status, meaning in options.STATUSES.items()]
    page.add_section("exit status", "=", listed(statuses))
    environment = [
        ("NO_COLOR", "If it is set and not empty, there is no colour; see https://no-color.org"),
        ("TERM", "If it is empty, dumb or unknown, there is no line editor and no colour."),
    ]
    page.add_section("environment", "=", listed(environment))
    return str(page)


FILES: dict[str, Callable[[], str]] = {
    "man/man1/superchat.1": manual,
    "bash-completion/completions/superchat": lambda: completion("bash"),
    "zsh/site-functions/_superchat": lambda: completion("zsh"),
}


@pytest.mark.parametrize("name", FILES)
def test_the_files_are_what_is_generated(name: str) -> None:
    file, made = SHARE / name, FILES[name]()
    if os.environ.get("SUPERCHAT_REFRESH"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(made)
    assert file.read_text() == made, "refresh it as the head of this test says"


@pytest.mark.parametrize("name", FILES)
def test_the_files_are_installed(name: str) -> None:
    assert (INSTALLED / name).read_text() == (SHARE / name).read_text()


def completed(line: str, directory: Path) -> list[str]:
    """What bash offers for the last word of a line."""
    words = line.split(" ")
    script = f"""
        set -e
        source {INSTALLED}/bash-completion/completions/superchat
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${{#COMP_LINE}}
        registered=$(complete -p superchat)
        [[ $registered =~ -F.([a-z_]+) ]]
        set +e
        "${{BASH_REMATCH[1]}}"
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    command = ["bash", "--norc", "-c", script, "bash", *words]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=directory, timeout=DEADLINE, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes_with_it(tmp_path: Path) -> None:
    (tmp_path / "mail").mkdir()
    (tmp_path / "mailing").touch()
    assert completed("superchat --col", tmp_path) == ["--color"]
    assert completed("superchat --color a", tmp_path) == ["auto", "always"]
    assert completed("superchat --refuse", tmp_path) == ["--refuse-classic"]
    assert completed("superchat --directory ma", tmp_path) == ["mail"]
    assert sorted(completed("superchat --history ma", tmp_path)) == ["mail", "mailing"]
    known = {option for action in parser()._actions for option in action.option_strings}
    assert set(completed("superchat -", tmp_path)) == known


@pytest.mark.skipif(shutil.which("zsh") is None, reason="there is no zsh")
def test_zsh_takes_it() -> None:
    subprocess.run(["zsh", "-n", INSTALLED / "zsh/site-functions/_superchat"], check=True)


@pytest.mark.skipif(shutil.which("groff") is None, reason="there is no groff")
def test_the_man_page_is_one_without_faults() -> None:
    """Every option is in it, and groff warns of nothing."""
    page = INSTALLED / "man/man1/superchat.1"
    command = ["groff", "-man", "-Tutf8", "-ww", "-P-cbou", str(page)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    text = done.stdout.replace("\u2010", "-").replace("\u2212", "-")
    for action in parser()._actions:
        assert all(option in text for option in action.option_strings)
    for heading in ("SYNOPSIS", "COMMANDS OF A CLIENT", "EXIT STATUS", "ENVIRONMENT"):
        assert f"\n{heading}\n" in text
