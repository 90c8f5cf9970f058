"""From token shards to a pre-trained masked language model."""
