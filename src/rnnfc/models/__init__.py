"""Networks: from a model spec to a Keras model, and its forward pass. Importing the package itself starts no TensorFlow."""
