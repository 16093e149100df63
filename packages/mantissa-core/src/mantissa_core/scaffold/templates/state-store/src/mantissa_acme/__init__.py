"""Mantissa Log: the state store ``acme.gadget``."""
