"""One file a format: each decodes once, checks what it reads, and runs nothing it finds."""
