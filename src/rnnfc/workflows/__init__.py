"""The stories that the commands tell. They print nothing; a listener hears of progress."""
