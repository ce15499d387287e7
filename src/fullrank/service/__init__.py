"""A model behind HTTP: batches across requests, hot reload, several processes, a page.

`server.serve` runs it, `app.App` answers requests, `ranking.Served` is a model as it is served.
Needs the extra ``serve``; nothing here is imported before `fullrank serve` runs.
"""
