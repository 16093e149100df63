"""Mantissa Log for Google Cloud."""
