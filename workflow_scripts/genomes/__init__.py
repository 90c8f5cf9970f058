"""Genomes: from a table of species to filtered chunks with provenance."""
