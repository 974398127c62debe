"""Files, processes, locks and the machine: the only room that knows the operating system."""
