"""Collections of qdrant: a server by its URL, or a folder of the client's local mode."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fullrank.data.sources.address import HIDDEN, secrets_of, shown
from fullrank.errors import DataError, SettingError
from fullrank.exporting.settings import ExportSettings
from fullrank.exporting.vectors import Floats, Vectors
from fullrank.extras import library

_DISTANCES = {"ip": "DOT", "cosine": "COSINE", "l2": "EUCLID"}
_BLOCK = 500
"""Points of a request."""
KEY = "QDRANT_API_KEY"
"""The variable of the environment that a server's key is read from."""
LOCAL = "path:"


class Qdrant:
    """A place of collections.

    Args:
        address: ``http://host:port`` or ``https://…``, or ``path:FOLDER`` for the client's local
            mode, which searches exactly.

    Raises:
        SettingError: the address is neither, or there is no client.
    """

    def __init__(self, address: str) -> None:
        self.shown, self._secrets = shown(address), secrets_of(address)
        if not address.startswith((LOCAL, "http://", "https://")):
            raise SettingError(
                self.shown, "no address of qdrant", "http(s)://host:port or path:DIR"
            )
        client = library("qdrant_client", "export")
        self._models = client.models
        key = os.environ.get(KEY)
        if key:
            self._secrets.append(key)
        self._address, self._key, self._client = address, key, client.QdrantClient

    @contextmanager
    def client(self) -> Iterator[Any]:
        """A client whose failures are one line.

        Raises:
            DataError: the server does not answer, or refuses.
        """
        client = None
        try:
            if self._address.startswith(LOCAL):
                client = self._client(path=self._address.removeprefix(LOCAL))
            else:
                client = self._client(
                    url=self._address, api_key=self._key, timeout=60, check_compatibility=False
                )
            yield client
        except (DataError, SettingError):
            raise
        except Exception as error:  # it raises those of httpx, grpc, portalocker and its own
            lines = str(error).strip().splitlines() or [type(error).__name__]
            said = lines[0]
            for secret in self._secrets:
                said = said.replace(secret, HIDDEN)
            raise DataError(self.shown, f"the answer: {said}", "a qdrant that answers") from None
        finally:
            if client is not None:
                client.close()

    def load(self, vectors: Vectors, settings: ExportSettings) -> None:
        """Makes ``NAME_items`` and ``NAME_users`` anew; points are the rows of the tables."""
        users = vectors.user_ids.to_frame()
        with self.client() as client:
            for name, table, frame, graph in (
                ("items", vectors.vectors, vectors.items, settings.neighbours),
                ("users", vectors.users, users, 0),  # asked by id alone
            ):
                self._fill(client, f"{settings.table}_{name}", table, frame, graph, settings)

    def _fill(
        self,
        client: Any,
        name: str,
        table: Floats,
        frame: pl.DataFrame,
        graph: int,
        settings: ExportSettings,
    ) -> None:
        models = self._models
        if client.collection_exists(name):
            client.delete_collection(name)
        distance = getattr(models.Distance, _DISTANCES[settings.metric])
        client.create_collection(
            name,
            vectors_config=models.VectorParams(size=table.shape[1], distance=distance),
            hnsw_config=models.HnswConfigDiff(m=graph, ef_construct=settings.build_width),
        )
        for start in range(0, len(table), _BLOCK):
            rows = table[start : start + _BLOCK]
            batch = models.Batch(
                ids=list(range(start, start + len(rows))),
                vectors=rows.tolist(),
                payloads=frame[start : start + _BLOCK].to_dicts(),
            )
            client.upsert(name, batch, wait=True)

    def nearest(
        self, client: Any, settings: ExportSettings, users: Floats, k: int
    ) -> NDArray[np.int64]:
        """(b, k) rows of items nearest to vectors of users."""
        models, found = self._models, []
        how = None  # the local mode has no graph
        if not self._address.startswith(LOCAL):
            how = models.SearchParams(hnsw_ef=settings.width)
        for user in users:
            answer = client.query_points(
                f"{settings.table}_items",
                query=user.tolist(),
                limit=k,
                search_params=how,
                with_payload=False,
            )
            found.append([point.id for point in answer.points])
        return np.array(found, dtype=np.int64)
