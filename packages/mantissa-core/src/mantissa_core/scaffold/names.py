"""The names of a new plugin: how ``vendor.thing`` is spelt in a package, a module, a class and a variable."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterable
from dataclasses import dataclass

from mantissa_core.errors import ConfigError

_PART = re.compile(r"[a-z][a-z0-9]*(?:[_-][a-z0-9]+)*")
_LONGEST = 30
_OWN = re.compile(
    r"(?P<log_type>(?<=LOG_TYPE = \")acme\.gadget|(?<=^name: )acme\.gadget)"
    r"|(?P<hyphens>(?<=mantissa-)acme|acme(?=\.example|-gadget)|(?<=acme-)gadget)"
    r"|(?P<word>acme|gadget)|(?P<upper>ACME|GADGET)|(?P<vendor>Acme)|(?P<thing>Gadget)",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Names:
    """``vendor`` and ``thing`` in lower case with underscores."""

    vendor: str
    thing: str

    @classmethod
    def parse(cls, text: str) -> Names:
        """Read ``vendor.thing``.

        Raises:
            ConfigError: it cannot be the name of a plugin.
        """
        parts = text.split(".")
        if len(parts) != 2 or not all(map(_PART.fullmatch, parts)):
            raise _refused(text, "vendor.thing in lower-case letters, digits, '_' and '-', such as acme.audit")
        if any(len(part) > _LONGEST for part in parts):
            raise _refused(text, f"at most {_LONGEST} characters on each side of the dot")
        vendor, thing = (part.replace("-", "_") for part in parts)
        if vendor == "core":
            raise _refused(text, "another vendor: 'core' is what Mantissa Log itself brings")
        if taken := [part for part in (vendor, thing) if keyword.iskeyword(part)]:
            raise _refused(text, f"no word of Python such as {taken[0]!r}")
        return cls(vendor, thing)

    def class_name(self, texts: Iterable[str]) -> str:
        """A name for the plugin's class that nothing else in ``texts`` has: ``acme.page`` may not hide ``Page``."""
        taken = {word for text in texts for word in re.findall(r"\w+", text)} | set(dir(builtins))
        vendor, thing = _camel(self.vendor), _camel(self.thing)
        return next(name for name in (thing, vendor + thing, f"{vendor}{thing}Plugin") if name not in taken)

    def rename(self, text: str, class_name: str) -> str:
        """``text`` of a template, or the name of a file, with these names instead of ``acme`` and ``gadget``."""

        def spelt(match: re.Match[str]) -> str:
            word = self.vendor if match[0].lower() == "acme" else self.thing
            spellings = {
                "log_type": f"{self.vendor.replace('_', '')}.{self.thing}",  # a log type's vendor has no underscore
                "hyphens": word.replace("_", "-"),
                "word": word,
                "upper": word.upper(),
                "vendor": _camel(self.vendor),
                "thing": class_name,
            }
            return spellings[match.lastgroup or "word"]

        return _OWN.sub(spelt, text)


def _camel(word: str) -> str:
    return "".join(part.capitalize() for part in word.split("_"))


def _refused(text: str, expected: str) -> ConfigError:
    return ConfigError("command line", "NAME", repr(text), expected)
