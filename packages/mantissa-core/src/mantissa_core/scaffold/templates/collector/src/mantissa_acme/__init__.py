"""Mantissa Log for Acme."""
