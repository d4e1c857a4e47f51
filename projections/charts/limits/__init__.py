"""How each chart family finds its lines: one file a family, one function a chart."""
