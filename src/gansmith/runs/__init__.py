"""The run folder: its files, its lock, its control files, its history. Nothing here imports torch."""
