"""Image files to pixels: decoding in worker processes, and resizing."""
