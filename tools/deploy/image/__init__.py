"""The image of the second door: programs and what they load, as an image of OCI, built and pushed without Docker."""
