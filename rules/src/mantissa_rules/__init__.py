"""Sigma rules of Mantissa Log, with the events that must and must not match."""
