"""The compiled epoch: recipes, the fused recurrence and truncated backpropagation."""
