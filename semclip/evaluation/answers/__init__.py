"""Answers of a frozen model under several ways of showing it a picture."""
