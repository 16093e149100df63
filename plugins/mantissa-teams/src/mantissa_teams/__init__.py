"""Mantissa Log for Microsoft Teams."""
