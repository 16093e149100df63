"""Mantissa Log for Google Workspace."""
