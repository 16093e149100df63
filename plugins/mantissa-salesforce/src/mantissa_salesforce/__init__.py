"""Mantissa Log for Salesforce."""
