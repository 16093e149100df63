"""Tests that stand beside rules, and changes to rules that the tests should notice."""
