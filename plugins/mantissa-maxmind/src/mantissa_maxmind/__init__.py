"""Mantissa Log for MaxMind's databases."""
