"""One command a file: its options, one workflow, its output."""
