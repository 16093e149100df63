"""Mantissa Log for Slack."""
