"""Mantissa Log: the response action ``acme.gadget``."""
