"""Mantissa Log for AbuseIPDB."""
