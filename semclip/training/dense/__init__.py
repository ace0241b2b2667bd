"""The dense ψ under training: its network, its canvases, and what its heat says of boxes."""
