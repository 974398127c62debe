"""Bytes in, packed uint8 images out."""
