"""PyTorch on one thread, where Debian's python3-torch is installed: a process that support/child.ts describes.

Weights and data are those of data.ts, by the generator's twin.
"""

import json
import math
import os
import resource
import sys
import time

folder = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(folder, '..', '..', 'scripts', 'fixtures'))

REPLY_CHANNEL = 3
CHECKED_STEPS = 10
WEIGHT_SEED, DATA_SEED = 1, 2
GATES = {'LSTM': 4, 'GRU': 3, 'RNN': 1}


def prepare(key, cell, B, T, I, H, head=None, name=None):
    """Two functions: the values to be checked, and the call to be timed."""
    import torch

    torch.set_num_threads(1)
    module = getattr(torch.nn, cell)(I, H)
    linear = torch.nn.Linear(H, head['outputs']) if head else None
    fill(key, [module, linear] if head else [module], 1 / math.sqrt(H))
    x = drawn(DATA_SEED, f'{key} input', (T, B, I))
    if head:
        return training(key, module, linear, x, head)
    module.eval()
    return streaming(module, x) if key == 'L2' else forward(module, x)


def drawn(seed, name, shape, scale=1):
    import torch
    from generator import generate

    return torch.tensor(generate(seed, name, math.prod(shape)).reshape(shape) * scale, dtype=torch.float32)


def fill(key, modules, scale):
    import torch

    with torch.no_grad():
        for module in modules:
            for name, parameter in module.named_parameters():
                parameter.copy_(drawn(WEIGHT_SEED, f'{key} {name}', tuple(parameter.shape), scale))


def forward(module, x):
    import torch

    @torch.inference_mode()
    def call():
        return module(x)[0]

    return lambda: call().flatten().tolist(), call


def streaming(module, x):
    import torch

    state = None

    @torch.inference_mode()
    def call():
        nonlocal state
        output, state = module(x, state)
        return output

    return lambda: [value for _ in range(CHECKED_STEPS) for value in call().flatten().tolist()], call


def training(key, module, linear, x, head):
    import torch
    from generator import generate_ids

    T, B, _ = x.shape
    optimizer = torch.optim.Adam([*module.parameters(), *linear.parameters()])
    if head['loss'] == 'mse':
        leading = (B,) if head['on'] == 'last' else (T, B)
        target = drawn(DATA_SEED, f'{key} target', (*leading, head['outputs']))
        loss_of = torch.nn.functional.mse_loss
    else:
        target = torch.tensor(generate_ids(DATA_SEED, f'{key} ids', B, head['outputs']))
        loss_of = torch.nn.functional.cross_entropy

    def call():
        output, _ = module(x)
        loss = loss_of(linear(output[-1] if head['on'] == 'last' else output), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return lambda: [call() for _ in range(CHECKED_STEPS)], call


def sample(call, seconds):
    """The mean of the calls that fit into the time, at least one."""
    cpu, start, calls = processor_seconds(), time.perf_counter(), 0
    while True:
        call()
        calls += 1
        elapsed = time.perf_counter() - start
        if elapsed >= seconds:
            return {'seconds': elapsed / calls, 'cpu': (processor_seconds() - cpu) / calls}


def processor_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def serve(prepare):
    """Obeys commands until there are no more."""
    call = None
    for line in sys.stdin:
        command = json.loads(line)
        try:
            if 'sample' in command:
                answer = sample(call, command['sample'])
            else:
                check, call = prepare(sys.argv[1], **command['workload'])
                answer = {'values': check()}
        except ImportError as error:
            answer = {'unavailable': str(error)}
        except Exception as error:  # the harness reports it and goes on
            answer = {'error': repr(error)}
        os.write(REPLY_CHANNEL, (json.dumps(answer) + '\n').encode())


if __name__ == '__main__':
    serve(prepare)
