"""Networks: cells, families of models and the parts that are put around them."""
