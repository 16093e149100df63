"""Mantissa Log: the query backend ``acme.gadget``."""
