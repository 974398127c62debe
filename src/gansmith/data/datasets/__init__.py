"""Known datasets: what is published where, and how it is found or downloaded."""
