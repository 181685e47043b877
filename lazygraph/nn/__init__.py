"""Networks: layers, activations and losses as functions from tensors to tensors, and modules that own their weights.
In: tensors. Out: tensors built from primitives; nothing here knows how they are compiled."""

from lazygraph.nn.activations import *
from lazygraph.nn.adaptive_pooling import *
from lazygraph.nn.attention import *
from lazygraph.nn.convolution import *
from lazygraph.nn.distances import *
from lazygraph.nn.images import *
from lazygraph.nn.initializers import *
from lazygraph.nn.layers import *
from lazygraph.nn.losses import *
from lazygraph.nn.margin_losses import *
from lazygraph.nn.modules.convolutions import *
from lazygraph.nn.modules.layers import *
from lazygraph.nn.modules.module import *
from lazygraph.nn.modules.norms import *
from lazygraph.nn.modules.pools import *
from lazygraph.nn.modules.recurrent import *
from lazygraph.nn.modules.transformer import *
from lazygraph.nn.noise import *
from lazygraph.nn.normalization import *
from lazygraph.nn.normalized_exponentials import *
from lazygraph.nn.piecewise import *
from lazygraph.nn.pooling import *
from lazygraph.nn.positions import *
from lazygraph.nn.recurrent import *
from lazygraph.nn.regression_losses import *
from lazygraph.nn.unpooling import *
from lazygraph.nn.windows import *
