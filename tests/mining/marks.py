"""Marks of tests that need what not every machine has."""

from __future__ import annotations

import shutil

import pytest

needs_tesseract = pytest.mark.skipif(shutil.which("tesseract") is None, reason="the program tesseract is not installed")
