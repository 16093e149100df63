"""Conformance kits for plugin authors: subclass one, and pytest does the rest."""
