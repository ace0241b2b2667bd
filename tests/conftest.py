"""Hypothesis without a deadline: a busy machine is no failure, and a test measures no time."""

from hypothesis import settings

settings.register_profile("semclip", deadline=None)
settings.load_profile("semclip")
