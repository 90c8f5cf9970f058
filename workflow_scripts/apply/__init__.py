"""Use a model: predictions, embeddings, scores of variants and explanations of sequences, intervals and variants."""
