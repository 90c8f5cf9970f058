"""Tokenizers: from chunks to a BPE vocabulary and token shards."""
