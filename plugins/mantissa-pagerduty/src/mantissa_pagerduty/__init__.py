"""Mantissa Log for PagerDuty."""
