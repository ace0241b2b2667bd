"""No test reaches for a network, and none measures time: a busy machine is no failure."""

import os

from hypothesis import settings

# Read when huggingface_hub is first imported, perhaps while doctests are collected: nearer to its tests is too late.
os.environ["HF_HUB_OFFLINE"] = "1"

# In CI the same examples every time: a rare counterexample is found at a desk, not by somebody else's change.
settings.register_profile("semclip", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("semclip")
