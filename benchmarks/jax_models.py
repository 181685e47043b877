"""The documented models as jax's users write them: pure functions of a dict of weights, named as in our modules.

In: sizes. Out: for each model the shapes of its weights, and a function (weights, inputs) -> logits.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

Weights = Mapping[str, Any]
Shapes = dict[str, tuple[int, ...]]
Apply = Callable[[Weights, jax.Array], jax.Array]
IMAGES = ("NCHW", "OIHW", "NCHW")


def linear(p: Weights, name: str, x: jax.Array) -> jax.Array:
    return x @ p[f"{name}.weight"].T + p[f"{name}.bias"]


def linear_shapes(name: str, inputs: int, outputs: int) -> Shapes:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def norm_shapes(name: str, width: int) -> Shapes:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


# --- GPT -------------------------------------------------------------------------------------------------------------


def layer_norm(p: Weights, name: str, x: jax.Array) -> jax.Array:
    apart = x - x.mean(-1, keepdims=True)
    return apart * jax.lax.rsqrt(x.var(-1, keepdims=True) + 1e-5) * p[f"{name}.weight"] + p[f"{name}.bias"]


def gpt(vocabulary: int, length: int, width: int, blocks: int, heads: int) -> tuple[Shapes, Apply]:
    shapes: Shapes = {"token.weight": (vocabulary, width), "position": (length, width)}
    for i in (f"blocks.{at}" for at in range(blocks)):
        shapes |= norm_shapes(f"{i}.norm1", width)
        shapes |= {f"{i}.attention.in_proj_weight": (3 * width, width), f"{i}.attention.in_proj_bias": (3 * width,)}
        shapes |= linear_shapes(f"{i}.attention.out_proj", width, width)
        shapes |= norm_shapes(f"{i}.norm2", width)
        shapes |= linear_shapes(f"{i}.linear1", width, 4 * width) | linear_shapes(f"{i}.linear2", 4 * width, width)
    shapes |= norm_shapes("norm", width) | linear_shapes("logits", width, vocabulary)
    mask = jnp.tril(jnp.ones((length, length), bool))

    def attend(p: Weights, name: str, x: jax.Array) -> jax.Array:
        projected = x @ p[f"{name}.in_proj_weight"].T + p[f"{name}.in_proj_bias"]
        q, k, v = projected.reshape(*x.shape[:2], 3, heads, -1).transpose(2, 0, 3, 1, 4)
        scores = jnp.where(mask, q @ k.swapaxes(-1, -2) / (width // heads) ** 0.5, -jnp.inf)
        seen = (jax.nn.softmax(scores) @ v).transpose(0, 2, 1, 3).reshape(x.shape)
        return linear(p, f"{name}.out_proj", seen)

    def apply(p: Weights, tokens: jax.Array) -> jax.Array:
        x = p["token.weight"][tokens] + p["position"]
        for i in (f"blocks.{at}" for at in range(blocks)):
            x = x + attend(p, f"{i}.attention", layer_norm(p, f"{i}.norm1", x))
            inner = jax.nn.gelu(linear(p, f"{i}.linear1", layer_norm(p, f"{i}.norm2", x)))
            x = x + linear(p, f"{i}.linear2", inner)
        return linear(p, "logits", layer_norm(p, "norm", x))

    return shapes, apply


# --- LSTM ------------------------------------------------------------------------------------------------------------


def lstm(vocabulary: int, width: int) -> tuple[Shapes, Apply]:
    shapes: Shapes = {"token.weight": (vocabulary, width), **linear_shapes("logits", width, vocabulary)}
    shapes |= {f"recurrent.weight_{each}_l0": (4 * width, width) for each in ("ih", "hh")}
    shapes |= {f"recurrent.bias_{each}_l0": (4 * width,) for each in ("ih", "hh")}

    def apply(p: Weights, tokens: jax.Array) -> jax.Array:
        x = p["token.weight"][tokens].transpose(1, 0, 2)
        bias = p["recurrent.bias_ih_l0"] + p["recurrent.bias_hh_l0"]
        projected = x @ p["recurrent.weight_ih_l0"].T + bias

        def cell(state: tuple[jax.Array, jax.Array], now: jax.Array) -> Any:
            h, c = state
            i, f, g, o = jnp.split(now + h @ p["recurrent.weight_hh_l0"].T, 4, -1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), h

        zeros = jnp.zeros((tokens.shape[0], width))
        _, states = jax.lax.scan(cell, (zeros, zeros), projected)
        return linear(p, "logits", states.transpose(1, 0, 2))

    return shapes, apply


# --- images ----------------------------------------------------------------------------------------------------------


def conv(x: jax.Array, weight: jax.Array, stride: int = 1) -> jax.Array:
    border = weight.shape[-1] // 2
    pads = [(border, border)] * 2
    return jax.lax.conv_general_dilated(x, weight, (stride, stride), pads, dimension_numbers=IMAGES)


def lenet() -> tuple[Shapes, Apply]:
    shapes: Shapes = {"conv1.weight": (32, 1, 5, 5), "conv1.bias": (32,), "conv2.weight": (64, 32, 5, 5)}
    shapes |= {"conv2.bias": (64,)} | linear_shapes("hidden", 64 * 49, 256) | linear_shapes("logits", 256, 10)

    def apply(p: Weights, x: jax.Array) -> jax.Array:
        for name in ("conv1", "conv2"):
            x = jax.nn.relu(conv(x, p[f"{name}.weight"]) + p[f"{name}.bias"][:, None, None])
            x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")
        return linear(p, "logits", jax.nn.relu(linear(p, "hidden", x.reshape(len(x), -1))))

    return shapes, apply


def batch_norm(p: Weights, name: str, x: jax.Array) -> jax.Array:
    apart = x - x.mean((0, 2, 3), keepdims=True)
    scale, shift = (p[f"{name}.{each}"][:, None, None] for each in ("weight", "bias"))
    return apart * jax.lax.rsqrt(x.var((0, 2, 3), keepdims=True) + 1e-5) * scale + shift


def resnet(blocks: int, widths: tuple[int, ...], channels: int, classes: int) -> tuple[Shapes, Apply]:
    shapes: Shapes = {"conv.weight": (widths[0], channels, 3, 3)} | norm_shapes("norm", widths[0])
    strides: list[int] = []
    inputs = widths[0]
    for stage, width in enumerate(widths):
        for place in range(blocks):
            name = f"blocks.{len(strides)}"
            strides.append(2 if stage and not place else 1)
            shapes |= {f"{name}.conv1.weight": (width, inputs, 3, 3), f"{name}.conv2.weight": (width, width, 3, 3)}
            shapes |= norm_shapes(f"{name}.norm1", width) | norm_shapes(f"{name}.norm2", width)
            if inputs != width or strides[-1] != 1:
                shapes[f"{name}.shortcut.weight"] = (width, inputs, 1, 1)
            inputs = width
    shapes |= linear_shapes("logits", inputs, classes)

    def apply(p: Weights, x: jax.Array) -> jax.Array:
        x = jax.nn.relu(batch_norm(p, "norm", conv(x, p["conv.weight"])))
        for at, stride in enumerate(strides):
            name = f"blocks.{at}"
            shortcut = p.get(f"{name}.shortcut.weight")
            y = jax.nn.relu(batch_norm(p, f"{name}.norm1", conv(x, p[f"{name}.conv1.weight"], stride)))
            y = batch_norm(p, f"{name}.norm2", conv(y, p[f"{name}.conv2.weight"]))
            x = jax.nn.relu(y + (x if shortcut is None else conv(x, shortcut, stride)))
        return linear(p, "logits", x.mean((2, 3)))

    return shapes, apply
