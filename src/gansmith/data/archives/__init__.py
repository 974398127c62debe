"""Folders and archives, read as untrusted input."""
