"""From a model and a data set to predictions and scores."""
