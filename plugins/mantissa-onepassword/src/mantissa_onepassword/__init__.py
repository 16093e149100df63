"""Mantissa Log for 1Password."""
