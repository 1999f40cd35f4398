"""`make deploy DOOR=services`: the second door beside a main stack that stands (docs/deploying-services.md)."""
