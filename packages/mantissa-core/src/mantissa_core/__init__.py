"""Mantissa Log: the SIEM that you pip install."""
