"""What `make deploy` and its neighbours ask and do in an AWS account, beside SAM."""
