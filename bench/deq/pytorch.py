"""PyTorch on one thread, where Debian's python3-torch is installed: plain iteration on a problem of problems.ts."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'peers'))

from pytorch import serve

TOLERANCE = 1e-5


def prepare(key, B, I, n, W, U, b, u, g, nonlinearity, **_):
    """Two functions: the values to be checked, and the call to be timed."""
    import torch

    torch.set_num_threads(1)
    tensor = lambda values, *shape: torch.tensor(values, dtype=torch.float32).reshape(shape)
    W, U, b, u, g = tensor(W, n, n), tensor(U, n, I), tensor(b, n), tensor(u, B, I), tensor(g, B, n)
    Wt = W.t()
    isTanh = nonlinearity == 'tanh'

    def iterate(F):
        z = torch.zeros(B, n)
        while True:
            f = F(z)
            # once for the whole batch: the least work
            if torch.dist(f, z).item() <= TOLERANCE * f.norm().item():
                return f
            z = f

    def solve():
        c = torch.addmm(b, u, U.t())
        if isTanh:
            return iterate(lambda z: torch.addmm(c, z, Wt).tanh_())
        return iterate(lambda z: torch.addmm(c, z, Wt))

    @torch.inference_mode()
    def forward():
        return solve()

    @torch.inference_mode()
    def training():
        z = solve()
        if not isTanh:
            return iterate(lambda v: torch.addmm(g, v, W)).t() @ z
        slope = 1 - z * z
        v = iterate(lambda v: torch.addmm(g, v * slope, W))
        return (v * slope).t() @ z

    call = forward if key == 'forward' else training
    return lambda: call().flatten().tolist(), call


serve(prepare)
