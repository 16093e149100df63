"""Mantissa Log for ServiceNow."""
