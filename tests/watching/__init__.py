"""A real Prometheus beside the second door: whether the dashboard's panels have data, and which alerts fire."""
