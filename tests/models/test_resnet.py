"""The residual network: a step for every batch that lowers the loss, and statistics that inference uses."""

import numpy as np

import lazygraph as lg
from lazygraph.models import resnet

SMALL = resnet.Config(blocks=1, widths=(4, 8), channels=1, classes=3)


def test_resnet_20_has_its_twenty_layers_and_272_thousand_weights() -> None:
    model = resnet.ResNet(resnet.Config(), rng=0)
    names = [name for name, _ in model.named_parameters()]
    main = [name for name in names if name.endswith("weight") and ("conv" in name or "logits" in name)]
    assert len(main) == 20
    assert sum(each.state.numpy().size for each in model.parameters()) == 272_282
    x = lg.placeholder((lg.dim("n"), 3, 32, 32), lg.float32, "x")
    assert model(x).shape == (x.shape[0], 10)


def test_steps_lower_the_loss_and_move_the_statistics_that_inference_uses() -> None:
    model = resnet.ResNet(SMALL, rng=0)
    step = resnet.training_step(model, lg.optim.SGD(0.1, momentum=0.9), (1, 8, 8))
    rng = np.random.default_rng(0)
    y = np.arange(12, dtype=np.int32) % 3
    x = (rng.normal(size=(12, 1, 8, 8)) + y[:, None, None, None]).astype(np.float32)
    losses = [float(step(x[:size], y[:size])) for size in (12, 11) * 20]
    assert losses[-1] < losses[0] / 5
    assert step.compilations == 1
    assert (model.norm.running_mean.numpy() != 0).all()
    images = lg.placeholder((lg.dim("n"), 1, 8, 8), lg.float32, "images")
    guess = lg.function([images], lg.argmax(model(images), axis=1))
    assert (guess(x) == y).all()
    np.testing.assert_array_equal(guess(x[:5]), guess(x)[:5])  # no statistics of the batch
