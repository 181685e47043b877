"""Modules: names in a stable order, states that load or say why not, buffers that a training pass renews."""

import numpy as np
import pytest

import lazygraph as lg


class Net(lg.nn.Module):
    """Every way to hold a part."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.first = lg.nn.Linear(4, 3, rng=rng)
        self.blocks = [lg.nn.Linear(3, 3, bias=False, rng=rng), lg.nn.relu]
        self.heads = {"a": lg.nn.Linear(3, 1, rng=rng), "b": (lg.nn.BatchNorm(3),)}
        self.scale = lg.variable(np.float32(1.0), "scale")
        self.tied = self.first.weight
        self.note = "no part"

    def __call__(self, x: lg.Tensor, train: lg.nn.Training | None = None) -> lg.Tensor:
        hidden = self.blocks[1](self.blocks[0](self.first(x)))
        return self.heads["a"](self.heads["b"][0](hidden, train)) * self.scale


NAMES = "first.weight first.bias blocks.0.weight heads.a.weight heads.a.bias heads.b.0.weight heads.b.0.bias".split()


def test_parameters_have_dotted_names_in_the_order_of_attributes() -> None:
    net = Net()
    assert [name for name, _ in net.named_parameters()] == [*NAMES, "scale"]  # `tied` is known by its first name
    assert [name for name, _ in net.named_buffers()] == ["heads.b.0.running_mean", "heads.b.0.running_var"]
    assert net.parameters() == [variable for _, variable in net.named_parameters()]
    assert set(net.state_dict()) == {*NAMES, "scale", "heads.b.0.running_mean", "heads.b.0.running_var"}


def test_a_state_goes_from_one_module_to_another() -> None:
    one, other = Net(), Net()
    one.scale.assign(np.float32(3))
    other.load_state_dict(one.state_dict())
    x = np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32)
    np.testing.assert_array_equal(one(x).eval(), other(x).eval())
    saved = one.state_dict()
    saved["scale"][()] = 7  # a copy
    assert one.scale.numpy() == 3


def test_a_state_that_does_not_fit_is_told_whole_and_changes_nothing() -> None:
    net = Net()
    before = net.state_dict()
    state = {name: array + 1 for name, array in before.items() if name != "scale"}
    state |= {"extra": np.zeros(2), "first.bias": np.zeros(5, np.float32), "heads.a.bias": np.zeros(1)}
    with pytest.raises(ValueError) as told:
        net.load_state_dict(state)
    assert str(told.value).splitlines() == [
        "the state does not fit Net",
        "  missing: scale",
        "  unexpected: extra",
        "  first.bias: expected float32 (3,), found float32 (5,)",
        "  heads.a.bias: expected float32 (1,), found float64 (1,)",
    ]
    for name, array in net.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_a_pass_in_training_renews_buffers_each_use_on_top_of_the_last() -> None:
    norm, train = lg.nn.BatchNorm(2, momentum=0.5, dtype=lg.float64), lg.nn.Training()
    x = lg.placeholder((lg.dim("n"), 2), lg.float64, "x")
    twice = norm(x, train) + norm(x + 2, train)
    step = lg.function([x], twice, updates=train.updates)
    array = np.array([[1.0, 2.0], [3.0, 6.0]])
    step(array)
    np.testing.assert_allclose(norm.running_mean.numpy(), (0.5 * array.mean(0)) * 0.5 + 0.5 * (array.mean(0) + 2))
    var = array.var(0, ddof=1)
    np.testing.assert_allclose(norm.running_var.numpy(), (0.5 + 0.5 * var) * 0.5 + 0.5 * var)
    inferred = lg.function([x], norm(x))
    expected = (array - norm.running_mean.numpy()) / np.sqrt(norm.running_var.numpy() + 1e-5)
    np.testing.assert_allclose(inferred(array), expected, rtol=1e-12)
    assert inferred.variables and not [each for each in inferred.variables if each.automatic_update is not None]


def test_an_empty_batch_leaves_running_statistics_as_they_were() -> None:
    norm, train = lg.nn.BatchNorm(2), lg.nn.Training()
    x = lg.placeholder((lg.dim("n"), 2, lg.dim("m")), lg.float32, "x")
    step = lg.function([x], norm(x, train), updates=train.updates)
    for shape in ((0, 2, 3), (3, 2, 0)):
        assert step(np.zeros(shape, np.float32)).shape == shape
        np.testing.assert_array_equal([norm.running_mean.numpy(), norm.running_var.numpy()], [[0, 0], [1, 1]])
    step(np.ones((4, 2, 1), np.float32))
    np.testing.assert_allclose([norm.running_mean.numpy(), norm.running_var.numpy()], [[0.1, 0.1], [0.9, 0.9]])


def test_dropout_needs_a_source_in_training_and_does_nothing_otherwise() -> None:
    layer, x = lg.nn.Dropout(0.5), lg.placeholder((lg.dim("n"),), lg.float32, "x")
    assert layer(x) is x
    with pytest.raises(ValueError, match="give it a source, Training.random=seed."):
        layer(x, lg.nn.Training())
    draw = lg.function([x], layer(x, lg.nn.Training(random=3)))
    ones = np.ones(1000, np.float32)
    assert (draw(ones) != draw(ones)).any()
    model = lg.nn.Sequential(layer, lg.nn.Flatten())
    assert set(np.unique(model(np.ones((8, 2, 2)), lg.nn.Training(random=3)).eval())) == {0, 2}


def test_a_network_of_modules_learns() -> None:
    rng = np.random.default_rng(0)
    model = lg.nn.Sequential(
        lg.nn.Linear(2, 16, rng=rng), lg.nn.BatchNorm(16), lg.nn.tanh, lg.nn.Linear(16, 2, rng=rng)
    )
    train = lg.nn.Training()
    x, y = lg.placeholder((lg.dim("n"), 2), lg.float32, "x"), lg.placeholder((lg.dim("n"),), lg.int32, "y")
    loss = lg.mean(lg.nn.cross_entropy(model(x, train), y))
    step = lg.function([x, y], loss, updates=lg.optim.Adam(0.05).minimize(loss, model.parameters()) | train.updates)
    points = rng.normal(size=(64, 2)).astype(np.float32)
    kind = (points[:, 0] * points[:, 1] > 0).astype(np.int32)
    first = float(step(points, kind))
    assert float(step.repeat(100, points, kind)) < first / 4
    chosen = lg.argmax(model(x), axis=1).eval({x: points})
    assert (chosen == kind).mean() > 0.9


def test_a_module_without_a_call_says_so() -> None:
    with pytest.raises(NotImplementedError, match="Module has no __call__"):
        lg.nn.Module()(np.ones(2))


def test_equal_seeds_draw_equal_weights_and_one_generator_draws_on() -> None:
    one, same, other = (lg.nn.Linear(4, 3, rng=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.weight.numpy(), same.weight.numpy())
    assert (one.weight.numpy() != other.weight.numpy()).all()
    rng = np.random.default_rng(0)
    assert (lg.nn.Linear(4, 3, rng=rng).weight.numpy() != lg.nn.Linear(4, 3, rng=rng).weight.numpy()).all()
    large = lg.nn.Linear(400, 300, rng=0).weight.numpy()
    np.testing.assert_allclose(large.var(), 1 / (3 * 400), rtol=0.03)
    cut = lg.nn.truncated_normal((10_000,), 2.0)
    np.testing.assert_allclose(cut.std(), 2.0 * 0.8796, rtol=0.03)
    np.testing.assert_allclose(lg.nn.truncated_normal((10_000,), 2.0, lg.random.key(0)).eval().std(), 1.759, rtol=0.03)
    q = lg.nn.orthogonal((5, 2, 2), 3.0, dtype=lg.float64).reshape(5, 4)
    np.testing.assert_allclose(q.T @ q, 9 * np.eye(4), atol=1e-12)
