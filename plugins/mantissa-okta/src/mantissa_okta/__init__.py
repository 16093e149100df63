"""Mantissa Log for Okta."""
