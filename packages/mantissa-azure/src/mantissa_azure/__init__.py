"""Mantissa Log for Azure and Entra ID."""
