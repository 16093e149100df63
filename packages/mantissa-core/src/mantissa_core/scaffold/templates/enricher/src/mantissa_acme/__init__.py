"""Mantissa Log: the enricher ``acme.gadget``."""
