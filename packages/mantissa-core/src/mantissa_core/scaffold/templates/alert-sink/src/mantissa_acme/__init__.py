"""Mantissa Log: the alert sink ``acme.gadget``."""
