"""Images, plots and pages from arrays and plain values."""
