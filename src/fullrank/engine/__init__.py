"""Who makes a training step: compiled kernels, a captured CUDA graph, or autograd."""

from fullrank.engine.choose import ENGINES, Choice, choose
from fullrank.engine.step import Balance, Engine, Loss, Optimizer, Step

__all__ = ["ENGINES", "Balance", "Choice", "Engine", "Loss", "Optimizer", "Step", "choose"]
