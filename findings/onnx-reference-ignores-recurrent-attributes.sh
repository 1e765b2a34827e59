#!/usr/bin/env bash
# Guess before the run: the evaluator that the `onnx` package ships as its reference either follows what the standard
# says of LSTM and GRU, or raises on what it lacks, as it does for activations of RNN that it does not know.
#
# Seen, with onnx 1.23.1 and onnxruntime 1.30.0 (CPU): `sequence_lens`, `clip`, LSTM's `input_forget` and the
# `activations` of LSTM and GRU are taken and ignored, without an error or a warning. The result is that of the plain
# node to the last bit, and up to 1.1 away from onnxruntime's; without them the two agree to 1e-6. Peepholes, reverse
# and both directions are followed. Who tests an importer of recurrent nets against this evaluator tests the plain node.
#
# Needs python3 with venv, and a package index. Exits 1 if the behaviour is another one.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check onnx==1.23.1 onnxruntime==1.30.0 2>"$place/pip.log" ||
  { cat "$place/pip.log" >&2; exit 1; }
cat >"$place/probe.py" <<'PYTHON'
import sys
import warnings
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

STEPS, BATCH, INPUT, HIDDEN = 4, 2, 3, 2
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


def both(op, lens=None, directions=1, peepholes=False, **attributes):
    """The node's results by onnxruntime and by the reference evaluator."""
    rng = np.random.default_rng(1)
    draw = lambda *shape: rng.normal(size=shape).astype(np.float32)
    rows = GATES[op] * HIDDEN
    feeds = {
        "X": 2 * draw(STEPS, BATCH, INPUT),
        "W": draw(directions, rows, INPUT),
        "R": draw(directions, rows, HIDDEN),
        "B": draw(directions, 2 * rows),
    }
    inputs = ["X", "W", "R", "B", ""]
    if lens is not None:
        feeds["lens"] = np.array(lens, np.int32)
        inputs[4] = "lens"
    if peepholes:
        feeds["P"] = draw(directions, 3 * HIDDEN)
        inputs += ["", "", "P"]
    last = [directions, BATCH, HIDDEN]
    outputs = {"Y": [STEPS, *last], "Y_h": last} | ({"Y_c": last} if op == "LSTM" else {})
    node = helper.make_node(op, inputs, list(outputs), hidden_size=HIDDEN, **attributes)
    kinds = {name: TensorProto.INT32 if name == "lens" else TensorProto.FLOAT for name in feeds}
    graph = helper.make_graph(
        [node],
        "one_node",
        [helper.make_tensor_value_info(name, kinds[name], value.shape) for name, value in feeds.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return session.run(None, feeds), ReferenceEvaluator(model).run(None, feeds)


distance = lambda a, b: max(float(np.abs(x - y).max()) for x, y in zip(a, b))
print(f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}, numpy {np.__version__}")
print(f"{'node':34} {'from onnxruntime':>17}  from its own plain node")
ok = True
plain = {}
for op in GATES:
    runtime, plain[op] = both(op)
    ok &= distance(runtime, plain[op]) < 1e-6
    print(f"{op + ', plain':34} {distance(runtime, plain[op]):17.1e}")

IGNORED = [
    *[(op, {"lens": [4, 2]}) for op in GATES],
    *[(op, {"clip": 0.3}) for op in GATES],
    ("GRU", {"activations": ["HardSigmoid", "Softsign"]}),
    ("LSTM", {"activations": ["HardSigmoid", "Softsign", "Tanh"]}),
    ("LSTM", {"input_forget": 1}),
]
for op, what in IGNORED:
    runtime, reference = both(op, **what)
    same = distance(reference, plain[op]) == 0
    ok &= same and distance(runtime, reference) > 0.05
    print(f"{op + ', ' + next(iter(what)):34} {distance(runtime, reference):17.1e}  {'the same bits' if same else 'differs'}")

FOLLOWED = [
    ("LSTM", {"peepholes": True}),
    ("LSTM", {"direction": "reverse"}),
    ("GRU", {"direction": "bidirectional", "directions": 2}),
    ("GRU", {"linear_before_reset": 1}),
]
for op, what in FOLLOWED:
    runtime, reference = both(op, **what)
    ok &= distance(runtime, reference) < 1e-6
    print(f"{op + ', ' + next(iter(what)):34} {distance(runtime, reference):17.1e}")

try:
    both("RNN", activations=["Softsign"])
    ok = False
except RuntimeError as error:
    print(f"RNN, activations: raises {error}")
print("as described" if ok else "NOT as described")
sys.exit(not ok)
PYTHON
"$place/venv/bin/python" "$place/probe.py"
