"""What a run reports: tables, Markdown and pictures."""
