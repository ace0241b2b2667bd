"""The ψ: each scores the regions of an image against a question."""
