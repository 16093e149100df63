"""Mantissa Log for Microsoft 365."""
