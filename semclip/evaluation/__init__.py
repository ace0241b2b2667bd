"""How well a ψ selects, measured against evidence boxes, and what that does to the answers of a frozen model."""
