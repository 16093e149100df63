"""Mantissa Log for Jamf Pro."""
