"""The data check: what can be used, what cannot, and which shape is suggested."""
