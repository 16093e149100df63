"""Mantissa Log for IPinfo."""
