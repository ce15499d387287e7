"""Pages about a model, a comparison, a study or a diagnosis; one file each, without a network.

`charts` draws, `render` puts what was drawn and counted into the templates, and the other modules
say what is on a page.
"""
