"""CLIP-like dual encoders as learners: heads over what they say, low-rank changes of them, or all of their weights."""
