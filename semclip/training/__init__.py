"""A ψ trained on mined rewards: what is trained, what is minimised, and the loop."""
