"""Fuzzing: mutated and invented input against all that reads what others wrote.

`python -m tests.fuzz --help`. `mutate` changes inputs, `corpus` holds good ones, the `*_target`
modules feed what takes them in and say what must hold, `hunt` drives and shrinks.
"""
