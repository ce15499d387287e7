"""What tuning on the validation part of citeulike found, by `experiments/tuning.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TUNED: Mapping[tuple[str, str, str], Mapping[str, Any]] = {
    ("tuned", "bpr", "citeulike"): {
        "batch_size": 256,
        "epochs": 280,
        "lr": 37.56,
        "weight_decay": 0.003767,
    },
    ("tuned", "enmf", "citeulike"): {
        "batch_size": 512,
        "epochs": 80,
        "lr": 0.199,
        "negative_weight": 0.01064,
        "keep": 0.7589,
    },
    ("tuned", "gde", "citeulike"): {
        "batch_size": 1024,
        "epochs": 36,
        "lr": 0.01846,
        "beta": 1.313,
        "low": 512,
    },
    ("tuned", "itemknn", "citeulike"): {
        "neighbours": 198,
        "shrinkage": 8.448,
    },
    ("tuned", "spectral", "citeulike"): {
        "rank": 1024,
        "beta": 0.3,
        "smoothing": 1.0,
    },
    ("tuned", "directau", "citeulike"): {
        "batch_size": 1024,
        "epochs": 36,
        "gamma": 5.0,
        "lr": 0.001392,
        "weight_decay": 0.02877,
    },
    ("tuned", "lightgcn", "citeulike"): {
        "batch_size": 1024,
        "epochs": 27,
        "layers": 3,
        "lr": 0.01217,
        "weight_decay": 0.0005302,
    },
    ("tuned-lightgcn", "directau", "citeulike"): {
        "batch_size": 1024,
        "epochs": 30,
        "gamma": 5.0,
        "encoder": "lightgcn",
        "lr": 0.001,
        "weight_decay": 1e-06,
    },
    ("tuned", "directspec", "citeulike"): {
        "batch_size": 256,
        "epochs": 44,
        "lr_decay": 0.97,
        "lr": 60.0,
        "alpha": 0.05,
        "shrink": 0.0,
        "weight_decay": 0.0001,
    },
    ("tuned-lightgcn", "directspec", "citeulike"): {
        "encoder": "lightgcn",
        "propagation": "factored",
        "rank": 512,
        "lr_decay": 0.97,
        "epochs": 5,
        "weight_decay": 0.0,
        "lr": 10.0,
        "alpha": 0.05,
        "shrink": 0.0,
    },
    ("tuned-lightgcn", "directspec+", "citeulike"): {
        "encoder": "lightgcn",
        "propagation": "factored",
        "rank": 512,
        "lr_decay": 0.97,
        "epochs": 50,
        "sampler": "interactions",
        "lr": 1035.0,
        "alpha": 0.8576,
        "tau": 3.404,
        "shrink": 0.03,
    },
    ("tuned", "directspec+", "citeulike"): {
        "batch_size": 256,
        "epochs": 140,
        "sampler": "interactions",
        "lr": 180.0,
        "alpha": 1.0,
        "tau": 3.0,
        "shrink": 0.03,
    },
}
