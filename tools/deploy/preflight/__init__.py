"""What a deployment would fail at, asked before anything is made."""
