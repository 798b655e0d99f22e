"""The recurrent network from first principles, in NumPy."""
