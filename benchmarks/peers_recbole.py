"""Seconds of an epoch of a RecBole model: ``peers_recbole.py FOLDER MODEL:BATCH THREADS``."""

import json
import statistics
import sys
import time

import numpy as np
import torch

for old, new in (("float", float), ("int", int), ("bool", bool), ("object", object)):
    if old not in vars(np):
        setattr(np, old, new)
_load = torch.load
torch.load = lambda *args, **kwargs: _load(*args, **{"weights_only": False, **kwargs})

folder, named, threads = sys.argv[1:]
model_name, batch = named.split(":")
torch.set_num_threads(int(threads))
sys.argv = sys.argv[:1]

from recbole.config import Config  # noqa: E402
from recbole.data import create_dataset, data_preparation  # noqa: E402
from recbole.utils import get_model, get_trainer, init_seed  # noqa: E402

settings = {
    "data_path": folder,
    "benchmark_filename": ["train", "valid", "test"],
    "load_col": {"inter": ["user_id", "item_id"]},
    "train_batch_size": int(batch),
    "embedding_size": 64,
    "use_gpu": False,
    "show_progress": False,
    "state": "ERROR",
    "epochs": 1,
    "train_neg_sample_args": None if model_name == "ENMF" else {
        "distribution": "uniform", "sample_num": 1, "dynamic": False, "alpha": 1.0,
        "candidate_num": 0,
    },
}  # fmt: skip
config = Config(model=model_name, dataset="citeulike", config_dict=settings)
init_seed(0, True)
dataset = create_dataset(config)
train, _, _ = data_preparation(config, dataset)
model = get_model(model_name)(config, train.dataset).to("cpu")
trainer = get_trainer(config["MODEL_TYPE"], model_name)(config, model)
seconds = []
for epoch in range(2 if model_name in ("LightGCN", "SGL") else 3):
    began = time.perf_counter()
    trainer._train_epoch(train, epoch, show_progress=False)
    seconds.append(time.perf_counter() - began)
name = f"recbole {model_name} batch {batch}"
print("figures " + json.dumps({name: statistics.median(seconds[1:])}))
