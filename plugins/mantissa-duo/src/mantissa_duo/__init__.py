"""Mantissa Log for Duo Security."""
