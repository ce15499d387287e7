"""An object store as S3 is spoken: listings, whole objects and ranges of them, from memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape


class Store(BaseHTTPRequestHandler):
    objects: dict[str, bytes]
    refused: bool

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        asked = parse_qs(url.query)
        name = unquote(url.path).lstrip("/")
        if self.refused:
            signed = self.headers.get("authorization", "")
            self.answer(403, f"<Error><Code>AccessDenied</Code>{escape(signed)}</Error>".encode())
        elif "list-type" in asked:
            self.answer(200, self.listing(name.rstrip("/"), asked.get("prefix", [""])[0]))
        elif name not in self.objects:
            self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        else:
            self.part(self.objects[name])

    def part(self, content: bytes) -> None:
        wanted = self.headers.get("range", "").removeprefix("bytes=")
        if not wanted:
            self.answer(200, content)
            return
        first, _, last = wanted.partition("-")
        start = int(first) if first else max(len(content) - int(last), 0)
        stop = min(int(last) + 1 if first and last else len(content), len(content))
        size = {"content-range": f"bytes {start}-{stop - 1}/{len(content)}"}
        self.answer(206, content[start:stop], size)

    def listing(self, bucket: str, prefix: str) -> bytes:
        rows = [
            f"<Contents><Key>{escape(name.removeprefix(bucket + '/'))}</Key>"
            f"<Size>{len(each)}</Size>"
            "<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>e</ETag></Contents>"
            for name, each in sorted(self.objects.items())
            if name.startswith(f"{bucket}/{prefix}")
        ]
        return (
            f"<ListBucketResult><Name>{bucket}</Name><Prefix>{escape(prefix)}</Prefix>"
            f"<KeyCount>{len(rows)}</KeyCount><IsTruncated>false</IsTruncated>{''.join(rows)}"
            "</ListBucketResult>"
        ).encode()

    def answer(self, code: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(code)
        usual = {"content-length": str(len(body)), "etag": '"e"', "accept-ranges": "bytes"}
        usual["last-modified"] = "Thu, 01 Jan 2026 00:00:00 GMT"
        for name, value in (usual | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@contextmanager
def serving(objects: dict[str, bytes], *, refused: bool = False) -> Iterator[str]:
    """The address of a store with these objects, ``bucket/name``."""
    handler = type("Here", (Store,), {"objects": objects, "refused": refused})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
