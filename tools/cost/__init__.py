"""What the stack costs: computed from template.yaml, a table of prices, measured quantities and stated assumptions."""
