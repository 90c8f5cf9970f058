"""The claims of the paper, measured on this run's own data."""
