"""What CloudFormation does with the template when a resource fails: a simulation, held against what is meant."""
