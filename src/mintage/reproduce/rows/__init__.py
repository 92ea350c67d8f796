"""The rows that can be reproduced: a file declares one or several in `DECLARED`, by name."""
