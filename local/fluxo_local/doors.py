"""The ways in which entries are accepted and recorded."""

# Functions and a state machine.
LAMBDA = "lambda"
# Services and a log, beside them on the same stores.
SERVICES = "services"
DOORS = (LAMBDA, SERVICES)
