"""Mantissa Log for Docker."""
