"""The system as it is deployed for a run of the tests, and the means to use it, look into it and disturb it."""
