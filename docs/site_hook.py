"""What the site needs beyond the pages of this folder; mkdocs.yml names this file as a hook.

Links in the pages lead to files of the repository, so that they work in a clone and where one is
browsed. In the site this folder is the root: `README.md` is its home, and whatever else a page
shows or links outside of this folder comes along under its path in the repository.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent
IN_THE_NAVIGATION = ("README.md", "src/fullrank/native/kernels/README.md")
"""Files outside of this folder that no page of it links."""
LINK = re.compile(r"(?<=\]\()(?!\w+:|#|/)([^)\s#]+)")
MARK = re.compile(r"^<!-- .*? -->$", re.MULTILINE)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the files outside of docs/ that a page links or the navigation names."""
    known = {file.src_uri for file in files}
    missing = list(IN_THE_NAVIGATION)
    for file in list(files.documentation_pages()):
        missing += _links(file.src_uri, file.content_string)
    while missing:
        uri = missing.pop()
        path = ROOT / uri
        if uri in known or not path.is_file() or uri.startswith("docs/"):
            continue
        known.add(uri)
        files.append(File.generated(config, uri, abs_src_path=str(path)))
        if path.suffix == ".md":
            missing += _links(uri, path.read_text("utf-8"))
    return files


def _links(uri: str, text: str) -> list[str]:
    return [_site_uri(uri, target) for target in LINK.findall(text)]


def _site_uri(page: str, target: str) -> str:
    """Where the site has the file that a page of the repository calls ``target``."""
    here = posixpath.dirname(_in_repository(page))
    there = posixpath.normpath(posixpath.join(here, target))
    return there.removeprefix("docs/")


def _in_repository(uri: str) -> str:
    return uri if (ROOT / uri).exists() and not (ROOT / "docs" / uri).exists() else f"docs/{uri}"


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links as the site has its files; the marks of generated tables go."""
    del config, files
    here = page.file.src_uri

    def moved(link: re.Match[str]) -> str:
        return posixpath.relpath(_site_uri(here, link[1]), posixpath.dirname(here) or ".")

    return LINK.sub(moved, MARK.sub("\n", markdown))
