"""From primary sources, or the published files, to the 36 data sets of GUE and GUE+."""
