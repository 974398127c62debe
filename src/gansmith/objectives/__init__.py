"""What the two networks are asked to do: losses of logits, and the targets some of them take."""
