"""Distant supervision: which crops of a log's pictures let a frozen reader find the answer."""
