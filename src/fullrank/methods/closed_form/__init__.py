"""Methods that are computed at once: the references that an honest comparison shows."""
