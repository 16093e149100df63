"""Mantissa Log for Kubernetes."""
