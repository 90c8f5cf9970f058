"""Studies: claims of the paper, measured on the data of this run."""
