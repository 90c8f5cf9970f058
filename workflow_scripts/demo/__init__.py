"""Demo: simulated genomes and primary sources of the benchmark, for a run without network."""
