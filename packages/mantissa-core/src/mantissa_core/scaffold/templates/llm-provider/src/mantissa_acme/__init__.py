"""Mantissa Log: the LLM provider ``acme.gadget``."""
