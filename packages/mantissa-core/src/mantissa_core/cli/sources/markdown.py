"""The table of sources as the page docs/sources.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .products import Product
from .table import verdict

HEAD = """\
# Sources

This page is written by `just conformance`; do not edit it. *Read by* names collectors and receivers; those of `core`
read any log type, from files and from what is pushed. *Rules* are those of the installed rule packs. *Conformance*
counts the checks of the kits in `mantissa_core.testing` that really ran against each collector, receiver, decoder and
log type of the row, and the day: [conformance.json](conformance.json) is their record. A check is skipped where the
source cannot do what it is about; the notes say which. Faults are described in `mantissa_core.testing.collector.Fault`.

| source | log types | columns | read by | decoder | rules | conformance |
| --- | --- | --- | --- | --- | --- | --- |
"""


def page(found: Sequence[Product]) -> str:
    """The whole page."""
    notes: dict[str, int] = {}
    for product in found:
        for reason in product.proof.skipped:
            notes.setdefault(reason, len(notes) + 1)
    rows = "".join(f"| {' | '.join(_cells(each, notes))} |\n" for each in found)
    days = sorted({each.proof.oldest for each in found if each.proof.oldest})
    proven = sum(each.proof.complete for each in found)
    line = f"\n{len(found)} sources, {proven} with everything proven. Oldest record: {days[0] if days else 'none'}.\n"
    return HEAD + rows + line + "".join(_notes(notes))


def _cells(product: Product, notes: dict[str, int]) -> Iterator[str]:
    proof = product.proof
    yield product.name
    yield _codes(each.name for each in product.log_types)
    yield " + ".join(f"{len(each.columns)}" for each in product.log_types)
    yield _codes(name for _, name in product.entries)
    yield _codes(product.decoders)
    yield f"{product.rules}"
    skipped = sum(proof.skipped.values())
    numbers = ", ".join(f"{notes[reason]}" for reason in sorted(proof.skipped, key=notes.__getitem__))
    yield verdict(proof) + (f", {skipped} skipped ({numbers})" if skipped else "") + f"; {proof.oldest or 'no record'}"


def _codes(names: Iterator[str] | Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _notes(notes: dict[str, int]) -> Iterator[str]:
    if notes:
        yield "\nNotes: why checks were skipped.\n\n"
    yield from (f"{number}. {_plain(reason)}\n" for reason, number in notes.items())


def _plain(text: str) -> str:
    """One line without what Markdown would read as a table or markup."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
