"""A plain service of implicit: a FastAPI handler around `recommend`, as its users write it.

``service_fastapi.py FOLDER PORT`` in the peers' environment; FOLDER has ``tables.npz`` (users and
items), ``seen.npz`` and ``ids.json``.
"""

import json
import sys
from pathlib import Path

import numpy as np
import scipy.sparse as sp
import uvicorn
from fastapi import FastAPI, HTTPException
from implicit.als import AlternatingLeastSquares
from pydantic import BaseModel

folder = Path(sys.argv[1])
tables = np.load(folder / "tables.npz")
seen = sp.load_npz(folder / "seen.npz").tocsr()
ids = json.loads((folder / "ids.json").read_text())
row_of = {user: row for row, user in enumerate(ids["users"])}
items = ids["items"]
model = AlternatingLeastSquares(factors=tables["users"].shape[1], num_threads=0)
model.user_factors, model.item_factors = tables["users"], tables["items"]
app = FastAPI()


class Wanted(BaseModel):
    users: list[str]
    k: int = 10


class Recommended(BaseModel):
    item_id: str
    score: float


class UserList(BaseModel):
    user_id: str
    items: list[Recommended]


class Answer(BaseModel):
    lists: list[UserList]


@app.post("/v1/recommend")
def recommend(wanted: Wanted) -> Answer:
    try:
        rows = np.array([row_of[user] for user in wanted.users])
    except KeyError:
        raise HTTPException(404, "unknown user") from None
    found, scores = model.recommend(rows, seen[rows], N=wanted.k)
    lists = [
        UserList(
            user_id=user,
            items=[
                Recommended(item_id=items[item], score=score)
                for item, score in zip(own.tolist(), values.tolist(), strict=True)
            ],
        )
        for user, own, values in zip(wanted.users, found, scores, strict=True)
    ]
    return Answer(lists=lists)


@app.get("/readyz")
def ready() -> dict[str, str]:
    return {"status": "ok"}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), access_log=False, log_level="warning")
