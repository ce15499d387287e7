"""The lab: the paper's tables and figures, each an experiment of about fifty lines.

`fullrank.lab.spec` says what an experiment is, `fullrank.lab.registry` lists them,
`fullrank.lab.store` trains a run once and finds it again, `fullrank.lab.reproduce` makes the files.
"""
