"""The command line, the runner, tables for the reader, the museum, the reading kit."""
