"""Simulates the genomes and the primary sources of the benchmark, for a run without the network."""
