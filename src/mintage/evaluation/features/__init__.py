"""Features: maps from examples to vectors in which distances mean something, each named and hashed."""
