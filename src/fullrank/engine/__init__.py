"""Who makes a training step: compiled kernels, a captured CUDA graph, or autograd."""
