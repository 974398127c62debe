"""Training sessions: begin, resume, fork, roll back."""
