"""Every command has a page in docs/commands that names its subcommands, options and arguments."""

import re
from pathlib import Path

import click
import pytest
from mantissa_core.cli.app import SECTIONS, cli

PAGES = Path(__file__).parents[4] / "docs" / "commands"
pytestmark = pytest.mark.skipif(not PAGES.exists(), reason="the documentation is not part of the package")

NAMES = [name for lines in SECTIONS.values() for name in lines]


def _leaves(command, name):
    if isinstance(command, click.Group):
        for each in command.commands.values():
            yield from _leaves(each, f"{name} {each.name}")
    else:
        yield name, command


@pytest.mark.parametrize("name", NAMES)
def test_a_page_names_every_subcommand_and_option(name):
    page = (PAGES / f"{name}.md").read_text("utf-8")
    for full_name, command in _leaves(cli.get_command(click.Context(cli), name), name):
        assert f"`mantissa {full_name}" in page
        options = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
        own = [option for option in options if option.name != "json"]
        assert [option.opts[-1] for option in own if f"{option.opts[-1]}" not in page] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_page_names_no_option_that_does_not_exist(name):
    page = (PAGES / f"{name}.md").read_text("utf-8")
    commands = [command for _, command in _leaves(cli.get_command(click.Context(cli), name), name)]
    known = {option for each in (cli, *commands) for parameter in each.params for option in parameter.opts}
    assert set(re.findall(r"(?<![\w-])--[a-z][\w-]*", page)) - known == set()


def test_the_index_names_every_command_and_global_option():
    index = (PAGES / "index.md").read_text("utf-8")
    assert [name for name in NAMES if f"[`{name}`]({name}.md)" not in index] == []
    assert [option.opts[-1] for option in cli.params if f"`{option.opts[-1]}" not in index] == []


def test_there_is_no_page_of_a_command_that_does_not_exist():
    assert {page.stem for page in PAGES.glob("*.md")} == {*NAMES, "index"}
