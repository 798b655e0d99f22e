"""Parts that are put around a network: normalization, quantile head, linear skip, autoregressive loop."""
