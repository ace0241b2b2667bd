"""How well a ψ selects, measured against evidence boxes; no VLM takes part."""
