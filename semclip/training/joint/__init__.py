"""The joint reader: a small cross-attention encoder over a crop's vision tokens and the question."""
