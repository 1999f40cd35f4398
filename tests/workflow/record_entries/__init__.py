"""The state machine record-entries, and what it has to do, for any interpreter of the Amazon States Language.

Everything here but `on_moto` and `on_ministack` needs no package, so that both interpreters can read it in environments of their own.
"""
