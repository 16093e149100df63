"""Mantissa Log on AWS."""
