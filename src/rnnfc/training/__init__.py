"""Training: the engines, the epoch loop and its schedules."""
