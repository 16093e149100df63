"""A page that is not tested rots: every hook, plugin, command and setting has its place, and examples run."""

import inspect
import re
import shlex
from pathlib import Path

import click
import pytest
from mantissa_core import catalog, hookspecs
from mantissa_core.cli.app import cli
from mantissa_core.contract import hooks_of

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = {path: path.read_text("utf-8") for path in [*DOCS.rglob("*.md"), *ROOT.glob("*.md")]}


def _page(kind):
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", kind.__name__).lower()
    return DOCS / "hooks" / f"{words}.md"


@pytest.mark.parametrize("kind", hookspecs.KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_has_a_page_with_the_signature_of_each_hook(kind):
    text = PAGES[_page(kind)]
    assert kind.group in text
    for hook in hooks_of(kind):
        arguments = [name for name in inspect.signature(getattr(kind, hook)).parameters if name != "self"]
        assert f"{hook}({', '.join(arguments)})" in text, hook


@pytest.mark.parametrize("kind", hookspecs.KINDS, ids=lambda kind: kind.__name__)
def test_every_plugin_has_a_page_that_names_each_of_its_settings(kind):
    for each in catalog.installed(kind.group):
        pages = [text for path, text in PAGES.items() if path.parent.name == "plugins" and f"`{each.name}`" in text]
        assert pages, f"no page under docs/plugins names `{each.name}`"
        for setting in catalog.load(kind.group, each.name).Config.model_fields:
            assert any(f"`{setting}`" in text for text in pages), f"{each.name}: {setting}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_to_a_file_leads_somewhere(path):
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", PAGES[path]):
        assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_python_example_compiles(path):
    for number, code in enumerate(re.findall(r"```python\n(.*?)```", PAGES[path], flags=re.DOTALL)):
        compile(inspect.cleandoc(code), f"{path.name} example {number + 1}", "exec")


def test_the_index_leads_to_every_page():
    index = DOCS / "index.md"
    linked = {(DOCS / target).resolve() for target in re.findall(r"\]\(([^)#:]+)", PAGES[index])}
    assert [path.as_posix() for path in PAGES if DOCS in path.parents and path not in {*linked, index}] == []
    assert "](docs/index.md)" in PAGES[ROOT / "README.md"]


def _command_lines(page):
    """Every ``mantissa …`` in the page's console blocks, as words."""
    for block in re.findall(r"```console\n(.*?)```", page, flags=re.DOTALL):
        for line in re.findall(r"^(?:\$ )?(.*\bmantissa .*)$", block, flags=re.MULTILINE):
            commands = (shlex.split(part, comments=True) for part in re.split(r" (?:\||&&) ", line))
            yield from (words[1:] for words in commands if words[0] == "mantissa")


TYPED = [path for path in PAGES if path.parent.name != "how-to" and any(_command_lines(PAGES[path]))]


@pytest.mark.parametrize("path", TYPED, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_command_line_has_a_command_and_options_that_exist(path):
    for words in _command_lines(PAGES[path]):
        command, context, rest = cli, click.Context(cli, info_name="mantissa"), words
        while isinstance(command, click.Group):
            _, rest, _ = command.make_parser(context).parse_args(list(rest))
            assert rest, words
            name, command, rest = command.resolve_command(context, rest)
            context = click.Context(command, parent=context, info_name=name)
        command.make_parser(context).parse_args(list(rest))
