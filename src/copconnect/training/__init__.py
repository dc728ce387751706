"""Training: lessons as files, what people have done, progress by unit, certificates."""
