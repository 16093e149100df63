"""Mantissa Log: the secret store ``acme.gadget``."""
