"""Mantissa Log for CrowdStrike Falcon."""
