"""Graphs of ONNX: from user ids, or from histories, to ids and scores of their best items."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from fullrank.errors import SettingError
from fullrank.exporting.arrays import read_items
from fullrank.exporting.settings import ExportSettings
from fullrank.exporting.vectors import Floats, Vectors
from fullrank.extras import library
from fullrank.spectrum import unit_rows

ONNX, HISTORY = "model.onnx", "history.onnx"
OPSET, OPSET_ML, IR = 17, 3, 8
"""Versions that runtimes of the last years read."""
MOST_BYTES = 2**31 - 2**20
"""Of a protocol buffer."""


def write_onnx(vectors: Vectors, folder: Path, settings: ExportSettings) -> None:
    """A graph from user ids, and one from histories where the model can fold them in.

    ``model.onnx``: input ``user_id`` (b,); outputs ``item_id`` (b, k) and ``score`` (b, k), best
    first. ``history.onnx``: input ``history`` (b, h), rows filled up with any id that is no item's;
    outputs as before, without the items of the history (their score is -inf where no others are
    left).

    An unknown user and an empty history get the popular list: there is one dimension more, in which
    items have their popularity, users 0, and those two alone have 1.

    Raises:
        SettingError: the metric is not the inner product, or the tables exceed what a file holds.
    """
    if vectors.metric != "ip":
        raise SettingError("metric", repr(vectors.metric), "'ip': the graph multiplies by itself")
    if (size := vectors.users.nbytes + 2 * vectors.vectors.nbytes) > MOST_BYTES:
        raise SettingError("onnx", f"tables of {size:,} bytes", f"at most {MOST_BYTES:,}")
    graph = Graph(library("onnx", "export"), vectors, min(settings.k, len(vectors.items)))
    (folder / ONNX).write_bytes(graph.of_users())
    if vectors.fold_in is not None:
        (folder / HISTORY).write_bytes(graph.of_histories(vectors.fold_in))


class Graph:
    """What the two graphs have in common: looking ids up, multiplying, the best k."""

    def __init__(self, onnx: Any, vectors: Vectors, k: int) -> None:
        self._onnx, self._vectors, self._k = onnx, vectors, k
        self._known = _ids(vectors.user_ids, onnx.TensorProto)
        self._item_ids = _ids(vectors.item_ids, onnx.TensorProto)

    def of_users(self) -> bytes:
        """From user ids."""
        n, d = self._vectors.users.shape
        users = np.zeros((n + 1, d + 1), dtype=np.float32)
        users[:n, :d], users[n, d] = self._vectors.users, 1
        nodes = [
            self._rows("user_id", self._known),
            self._node("Gather", ["users", "row"], ["rows"]),
            self._node("MatMul", ["rows", "items"], ["scores"]),
        ]
        return self._finished(nodes, {"users": users}, "user_id", self._known[1], ["b"])

    def of_histories(self, mapping: Floats) -> bytes:
        """From item ids: which items each history has, the mean of their unit rows, W."""
        node, n = self._node, len(self._vectors.vectors)
        one = self._onnx.numpy_helper.from_array(np.ones(1, dtype=np.float32))
        nodes = [
            self._rows("history", self._item_ids),
            node("Shape", ["row"], ["shape"]),
            node("ConstantOfShape", ["shape"], ["ones"], value=one),
            node("Gather", ["shape", "first"], ["b"]),
            node("Concat", ["b", "width"], ["whole"], axis=0),
            node("ConstantOfShape", ["whole"], ["none"]),
            node("ScatterElements", ["none", "row", "ones"], ["had_"], axis=1),
            node("Slice", ["had_", "zero", "n", "second"], ["had"]),
            node("ReduceSum", ["had", "second"], ["count"], keepdims=1),
            node("Less", ["count", "half"], ["is_empty"]),
            node("Cast", ["is_empty"], ["empty"], to=self._onnx.TensorProto.FLOAT),
            node("Max", ["count", "one"], ["divisor"]),
            node("MatMul", ["had", "unit"], ["sums"]),
            node("Div", ["sums", "divisor"], ["means"]),
            node("MatMul", ["means", "mapping"], ["folded"]),
            node("Concat", ["folded", "empty"], ["rows"], axis=1),
            node("MatMul", ["rows", "items"], ["all"]),
            node("Cast", ["had"], ["seen"], to=self._onnx.TensorProto.BOOL),
            node("Where", ["seen", "never", "all"], ["scores"]),
        ]
        whole = {"first": 0, "width": n + 1, "zero": 0, "n": n, "second": 1}
        stored: dict[str, NDArray[Any]] = {
            name: np.array([value], dtype=np.int64) for name, value in whole.items()
        }
        numbers = {"half": 0.5, "one": 1.0, "never": -np.inf}
        stored |= {name: np.array([value], dtype=np.float32) for name, value in numbers.items()}
        unit = unit_rows(torch.from_numpy(self._vectors.vectors)).numpy()
        stored |= {"unit": unit, "mapping": mapping}
        return self._finished(nodes, stored, "history", self._item_ids[1], ["b", "h"])

    def _node(self, kind: str, inputs: list[str], outputs: list[str], **how: Any) -> Any:
        return self._onnx.helper.make_node(kind, inputs, outputs, **how)

    def _rows(self, name: str, ids: tuple[list[Any], int]) -> Any:
        """Row numbers of ids; one more than the last of an unknown id."""
        text = ids[1] == self._onnx.TensorProto.STRING
        return self._node(
            "LabelEncoder",
            [name],
            ["row"],
            domain="ai.onnx.ml",
            **{"keys_strings" if text else "keys_int64s": ids[0]},
            values_int64s=list(range(len(ids[0]))),
            default_int64=len(ids[0]),
        )

    def _finished(
        self,
        nodes: list[Any],
        stored: dict[str, NDArray[Any]],
        name: str,
        kind: int,
        shape: list[str],
    ) -> bytes:
        """The graph with its best k of ``scores``, as a file."""
        helper, kinds = self._onnx.helper, self._onnx.TensorProto
        items = np.hstack([self._vectors.vectors, self._vectors.popularity[:, None]]).T
        k = np.array([self._k], dtype=np.int64)
        tables = stored | {"items": np.ascontiguousarray(items), "k": k}
        ids, item_kind = self._item_ids
        values = [each.encode() for each in ids] if item_kind == kinds.STRING else ids
        nodes = [
            *nodes,
            self._node("TopK", ["scores", "k"], ["score", "item"]),
            self._node("Gather", ["item_ids", "item"], ["item_id"]),
        ]
        info = helper.make_tensor_value_info
        best: list[Any] = ["b", self._k]
        graph = helper.make_graph(
            nodes,
            "fullrank",
            [info(name, kind, shape)],
            [info("item_id", item_kind, best), info("score", kinds.FLOAT, best)],
            [
                *(self._onnx.numpy_helper.from_array(each, at) for at, each in tables.items()),
                helper.make_tensor("item_ids", item_kind, [len(ids)], values),
            ],
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", OPSET_ML)]
        model = helper.make_model(
            graph, opset_imports=opsets, ir_version=IR, producer_name="fullrank"
        )
        self._onnx.checker.check_model(model)
        written: bytes = model.SerializeToString()
        return written


def _ids(ids: pl.Series, kinds: Any) -> tuple[list[Any], int]:
    """Ids as text or int64, the two kinds that runtimes look up."""
    if ids.dtype == pl.String:
        return ids.to_list(), kinds.STRING
    if ids.dtype == pl.UInt64 and (ids > 2**63 - 1).any():
        raise SettingError("onnx", "ids above 2^63 - 1", "ids of 64 bits with a sign, or text")
    return ids.cast(pl.Int64).to_list(), kinds.INT64


class OnnxLists:
    """Asks a file of `write_onnx` for lists, on one thread."""

    def __init__(self, folder: Path) -> None:
        runtime = library("onnxruntime", "export")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = runtime.InferenceSession((folder / ONNX).read_bytes(), options)
        self._item_ids = read_items(folder)["item_id"]

    def item_ids(self, users: pl.Series) -> NDArray[Any]:
        """(b, k) ids of the best items of user ids."""
        text = users.dtype == pl.String
        asked = np.array(users.to_list(), dtype=object if text else np.int64)
        found: NDArray[Any] = self._session.run(["item_id"], {"user_id": asked})[0]
        return found

    def rows(self, users: pl.Series, k: int) -> NDArray[np.int64]:
        """(b, k) rows of ``items.parquet``."""
        found = self.item_ids(users)[:, :k]
        order = pl.DataFrame({"id": self._item_ids}).with_row_index("row")
        flat = pl.Series("id", found.ravel().tolist(), dtype=self._item_ids.dtype).to_frame()
        joined = flat.join(order, on="id", how="left", maintain_order="left")
        return joined["row"].to_numpy().astype(np.int64).reshape(found.shape)
