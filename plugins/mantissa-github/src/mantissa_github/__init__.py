"""Mantissa Log for GitHub."""
