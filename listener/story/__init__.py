"""What happened to a request, a call or an agent: told step by step, with what it means.

A source (`archive`, `daemon`, `tape`) gives `facts`; `sequence` puts them in order as typed steps,
`diagnosis` finds the known causes in them, `telling` puts both together as a `Story`; `page`,
`drawing`, `lines` and `told` show one. Nothing is imported here, so that each command loads what it
needs.
"""
