"""Parquet files under a Delta log: staging, committing, reading and upkeep."""
