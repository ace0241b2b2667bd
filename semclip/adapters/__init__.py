"""Frozen vision-language models behind one small seam."""
