"""Run folders: written atomically, read without trust."""
