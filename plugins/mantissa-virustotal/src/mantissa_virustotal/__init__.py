"""Mantissa Log for VirusTotal."""
