"""ONNX files: the outputs of the graph against NumPy, and what a graph does not tell.

The files are written byte by byte: the format is a protobuf, and its package is not needed.
"""

import numpy as np
import pytest

from nearid.embed import embed, open_embedding, texts
from nearid.errors import InputError

X = np.random.default_rng(1).normal(size=(7, 3))
FLOAT, INT64 = 1, 7


def varint(number):
    """A whole number as protobuf writes it: seven bits a byte, the lowest first."""
    out = b""
    while number > 127:
        out += bytes([number % 128 + 128])
        number //= 128
    return out + bytes([number])


def field(number, value):
    """A field: a number, or text, bytes or a message with its length before it."""
    if isinstance(value, int):
        return varint(8 * number) + varint(value)
    raw = value.encode() if isinstance(value, str) else value
    return varint(8 * number + 2) + varint(len(raw)) + raw


def tensor(name, array):
    """An initializer of float32."""
    sizes = b"".join(field(1, size) for size in array.shape)
    return sizes + field(2, FLOAT) + field(8, name) + field(9, array.astype("<f4").tobytes())


def node(kind, inputs, output):
    return b"".join(field(1, name) for name in inputs) + field(2, output) + field(4, kind)


def value(name, kind, shape):
    """An input or output; a size may be a name."""
    sizes = [field(1, size) if isinstance(size, int) else field(2, size) for size in shape]
    dimensions = b"".join(field(1, size) for size in sizes)
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, dimensions)))


def model(nodes, weights, inputs, outputs):
    """A model of one graph, for version 13 of the operators."""
    graph = b"".join(field(1, part) for part in nodes) + field(2, "graph")
    graph += b"".join(field(5, tensor(name, array)) for name, array in weights.items())
    graph += b"".join(field(11, value(*given)) for given in inputs)
    graph += b"".join(field(12, value(*given)) for given in outputs)
    return field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 13))


def perceptron(weights, batch="n"):
    """tanh(x W), of which the product is an output as well; and one of whole numbers."""
    width, hidden = weights.shape
    return model(
        [
            node("MatMul", ["x", "W"], "product"),
            node("Tanh", ["product"], "y"),
            node("Shape", ["x"], "sizes"),
        ],
        {"W": weights},
        [("x", FLOAT, [batch, width])],
        [("product", FLOAT, [batch, hidden]), ("y", FLOAT, [batch, hidden]), ("sizes", INT64, [2])],
    )


def reader(table):
    """Tokens to the rows of a table, plus the first row for tokens of the first kind."""
    return model(
        [
            node("Gather", ["table", "input_ids"], "words"),
            node("Gather", ["table", "token_type_ids"], "kinds"),
            node("Add", ["words", "kinds"], "/encoder/hidden"),
        ],
        {"table": table},
        [(name, INT64, ["n", "length"]) for name in ("input_ids", "token_type_ids")],
        [("/encoder/hidden", FLOAT, ["n", "length", table.shape[1]])],
    )


def table_of(shape=(30, 4), seed=0):
    """Return weights from a seed, in float32."""
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


WEIGHTS = table_of(shape=(3, 4))


@pytest.fixture
def path(tmp_path):
    """A perceptron whose hidden product is an output too."""
    (tmp_path / "net.onnx").write_bytes(perceptron(WEIGHTS))
    return tmp_path / "net.onnx"


def test_layers_are_the_outputs_of_the_graph(path):
    found = embed(path, X, batch_size=3)
    assert list(found.layers) == ["product", "y"]
    np.testing.assert_allclose(found.layers["product"], X @ WEIGHTS, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.layers["y"], np.tanh(X @ WEIGHTS), rtol=1e-5, atol=1e-6)
    assert "only the outputs of the graph are layers" in found.notices[0]
    assert "returns int64" in found.notices[1]


def test_tokens_and_masks_go_by_name_and_kinds_are_zero(tmp_path, letters):
    table = table_of()
    (tmp_path / "text.onnx").write_bytes(reader(table))
    given = texts(["ab", "c"], tokenizer=letters)
    out = tmp_path / "run"
    embed(tmp_path / "text.onnx", given, pool="tokens", out=out, batch_size=1)
    found = open_embedding(out)
    assert found.ids.tolist() == ["0#0", "0#1", "1#0"]
    expected = table[[1, 2, 3]] + table[0]
    np.testing.assert_allclose(found.layers["/encoder/hidden"], expected, rtol=1e-6)
    mean = embed(tmp_path / "text.onnx", given).layers["/encoder/hidden"]
    np.testing.assert_allclose(mean, [expected[:2].mean(axis=0), expected[2]], rtol=1e-5)


def test_a_graph_of_a_fixed_batch_says_so(tmp_path):
    (tmp_path / "seven.onnx").write_bytes(perceptron(WEIGHTS, batch=7))
    with pytest.raises(InputError, match="is the batch of the graph of a fixed size"):
        embed(tmp_path / "seven.onnx", X, batch_size=3)
    found = embed(tmp_path / "seven.onnx", X, batch_size=7, layers="y")
    np.testing.assert_allclose(found.layers["y"], np.tanh(X @ WEIGHTS), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"layers": "hidden"}, "no layer 'hidden'; it has product, y, sizes"),
        ({"layers": ["sizes"]}, "it returns int64"),
        ({"device": "tpu"}, "there is no device 'tpu'"),
        ({"revision": "main"}, "an .onnx file has none"),
        ({"inputs": X[:, :2]}, "refused a batch of"),
    ],
)
def test_what_a_graph_cannot_do(path, settings, said):
    given = {"inputs": X, **settings}
    with pytest.raises(InputError, match=said):
        embed(path, **given)


def test_inputs_that_the_graph_lacks_or_has_more_of(path, tmp_path, letters):
    with pytest.raises(InputError, match="needs x, but was given input_ids, attention_mask"):
        embed(path, texts(["ab", "c"], tokenizer=letters))
    (tmp_path / "text.onnx").write_bytes(reader(table_of()))
    with pytest.raises(InputError, match="inputs input_ids, token_type_ids, but one array"):
        embed(tmp_path / "text.onnx", X)


def test_fingerprint_is_of_the_file_and_of_weights_beside_it(path):
    digest = embed(path, X).manifest["model"]["fingerprint"]
    path.with_name("net.onnx.data").write_bytes(b"weights")
    beside = embed(path, X).manifest["model"]["fingerprint"]
    path.write_bytes(perceptron(WEIGHTS + 1))
    assert len({digest, beside, embed(path, X).manifest["model"]["fingerprint"]}) == 3


def test_files_that_are_none(tmp_path):
    (tmp_path / "bad.onnx").write_bytes(b"\x08\x08no graph")
    (tmp_path / "empty.onnx").touch()
    (tmp_path / "model.pt").write_bytes(b"x")
    for name, said in (
        ("bad.onnx", "cannot be read as an .onnx file"),
        ("empty.onnx", "is empty"),
        ("gone.onnx", "does not exist"),
        ("model.pt", "expected the folder of a model, or an .onnx file"),
    ):
        with pytest.raises(InputError, match=said):
            embed(tmp_path / name, X)
