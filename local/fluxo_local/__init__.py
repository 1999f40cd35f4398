"""The local stack: real PostgreSQL, real Redis and an AWS engine, with the project's template.yaml deployed onto it.

Only the standard library is used here; what else is needed, `toolchain` finds on this machine or installs.
"""
