"""Benchmarks in the formats in which they are published, read from local copies."""
