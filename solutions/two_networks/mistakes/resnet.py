"""Known mistakes in `resnet.SmallResNet`: task 1.

Each network is wrong until weights are loaded into it. Students with such a network have trained weights of their own
that fit it; the reference's are those of the solution, which the network then becomes. So it costs task 1 alone.
"""

from __future__ import annotations

import resnet
import torch
import torch.nn.functional as F
from torch import nn

from grader.author import mistake


class _Wrong(resnet.SmallResNet):
    """The solution's network, with what a mistake spoils."""

    def load_state_dict(self, state_dict, strict=True, assign=False):
        trained = resnet.SmallResNet(len(state_dict["fc.weight"]))
        self.__class__, self.__dict__ = resnet.SmallResNet, trained.__dict__
        return self.load_state_dict(state_dict, strict)


def _with_blocks(net, forward):
    """Give every block another forward pass: `forward(block, x)`."""
    for layer in (net.layer1, net.layer2, net.layer3, net.layer4):
        for block in layer:
            block.forward = lambda x, block=block: forward(block, x)


def _branch(block, x):
    return block.bn2(block.conv2(block.relu(block.bn1(block.conv1(x)))))


@mistake(
    "resnet.SmallResNet",
    "classes_fixed",
    check="check_classes",
    help="There are ten logits where `num_classes` asks for another number. Give it to the last layer: nn.Linear(C, "
    "num_classes).",
)
class _ClassesFixed(_Wrong):
    def __init__(self, num_classes=10):
        super().__init__(10)


@mistake(
    "resnet.SmallResNet",
    "too_many_parameters",
    check="check_size",
    help="This is as large as torchvision's resnet18, or larger. Images of 32x32 pixels need far fewer channels and "
    "blocks.",
)
class _TooManyParameters(_Wrong):
    def __init__(self, num_classes=10):
        super().__init__(num_classes)
        self.layer4.append(resnet.BasicBlock(128, 1024, stride=2))
        self.fc = nn.Linear(1024, num_classes)


@mistake(
    "resnet.SmallResNet",
    "layers_in_list",
    check="check_registered",
    help="Are there layers in a plain Python list, or layers made in forward? The network does not know them: use "
    "nn.Sequential or nn.ModuleList in __init__.",
)
class _LayersInList(_Wrong):
    def __init__(self, num_classes=10):
        super().__init__(num_classes)
        self.blocks = [resnet.BasicBlock(128, 128)]

    def feature_maps(self, x):
        return self.blocks[0](super().feature_maps(x))


@mistake(
    "resnet.SmallResNet",
    "no_addition",
    check="check_residual",
    help="No block adds its input to what its convolutions make of it. Add the input, or what the shortcut makes of "
    "it, before the last ReLU.",
)
class _NoAddition(_Wrong):
    def __init__(self, num_classes=10):
        super().__init__(num_classes)
        _with_blocks(self, lambda block, x: F.relu(_branch(block, x)))


@mistake(
    "resnet.SmallResNet",
    "adds_to_itself",
    check="check_residual",
    help="A tensor is added to itself. Keep the block's input in a variable of its own before the first convolution.",
)
class _AddsToItself(_Wrong):
    def __init__(self, num_classes=10):
        super().__init__(num_classes)

        def forward(block, x):
            x = _branch(block, x)
            identity = x
            return F.relu(x + identity)

        _with_blocks(self, forward)


@mistake(
    "resnet.SmallResNet",
    "parallel_branches",
    check="check_residual",
    help="The two branches that are added have equally many layers, one after another, so neither is a shortcut. Put "
    "two convolutions or more into the branch, and none into the shortcut, or a single one where shapes differ.",
)
class _ParallelBranches(_Wrong):
    def __init__(self, num_classes=10):
        super().__init__(num_classes)
        self.one, self.other = nn.Conv2d(3, 128, 1), nn.Conv2d(3, 128, 1)

    def feature_maps(self, x):
        return self.one(x) + self.other(x)


@mistake(
    "resnet.SmallResNet",
    "concatenates",
    check="check_residual",
    help="The network concatenates tensors (torch.cat), as DenseNet does. A residual network adds them.",
)
class _Concatenates(_Wrong):
    def __init__(self, num_classes=10):
        super().__init__(num_classes)
        self.mix = nn.Conv2d(256, 128, 1)

    def feature_maps(self, x):
        maps = self.relu(self.bn1(self.conv1(x)))
        for block in (*self.layer1, *self.layer2, *self.layer3):
            maps = F.relu(_branch(block, maps))
        block = self.layer4[0]
        return F.relu(self.mix(torch.cat([_branch(block, maps), block.downsample(maps)], dim=1)))


@mistake(
    "resnet.SmallResNet",
    "cuts_gradient",
    check="check_residual",
    help="The gradient ends between the logits and the images. Is there a .detach(), .data, numpy or "
    "torch.no_grad()? Layers before it can't learn.",
)
class _CutsGradient(_Wrong):
    def features(self, x):
        return super().features(x).detach()


@mistake(
    "resnet.SmallResNet",
    "features_are_logits",
    check="check_features",
    help="features(x) has ten numbers per image, as the logits have. Return what goes into `fc`, not what comes out "
    "of it.",
)
class _FeaturesAreLogits(_Wrong):
    def features(self, x):
        return self.fc(super().features(x))

    def forward(self, x):
        return self.features(x)


@mistake(
    "resnet.SmallResNet",
    "features_not_averaged",
    check="check_features",
    help="features(x) has as many numbers as the feature maps. Take the average over height and width.",
)
class _FeaturesNotAveraged(_Wrong):
    def features(self, x):
        return self.feature_maps(x).flatten(1)

    def forward(self, x):
        return self.fc(super().features(x))


@mistake(
    "resnet.SmallResNet",
    "ends_in_softmax",
    check="check_forward",
    help="These are probabilities: a softmax of the logits. The loss applies its own: return the logits as `fc` "
    "gives them.",
)
class _EndsInSoftmax(_Wrong):
    def forward(self, x):
        return super().forward(x).softmax(dim=1)


@mistake(
    "resnet.SmallResNet",
    "ends_in_log_softmax",
    check="check_forward",
    help="These are log-probabilities: log_softmax belongs to the loss. Return the logits as `fc` gives them.",
)
class _EndsInLogSoftmax(_Wrong):
    def forward(self, x):
        return super().forward(x).log_softmax(dim=1)


@mistake(
    "resnet.SmallResNet",
    "relu_after_last_layer",
    check="check_forward",
    help="Negative logits became 0, as with a ReLU after `fc`. Leave it out: a class whose logit is cut off learns "
    "nothing.",
)
class _ReluAfterLastLayer(_Wrong):
    def forward(self, x):
        return super().forward(x).relu()


@mistake(
    "resnet.SmallResNet",
    "maps_are_averages",
    check="check_feature_maps",
    help="feature_maps(x) has one number per channel, as an average has. Return the maps before the average pooling: "
    "(N, C, h, w).",
)
class _MapsAreAverages(_Wrong):
    def feature_maps(self, x):
        return self.avgpool(super().feature_maps(x))


@mistake(
    "resnet.SmallResNet",
    "maps_of_earlier_layer",
    check="check_feature_maps",
    help="Are these the maps of an earlier layer? Return the maps that features(x) is the average of.",
)
class _MapsOfEarlierLayer(_Wrong):
    def feature_maps(self, x):
        return self.layer3(self.layer2(self.layer1(self.relu(self.bn1(self.conv1(x))))))

    def features(self, x):
        return self.avgpool(self.layer4(self.feature_maps(x))).flatten(1)


@mistake(
    "resnet.SmallResNet",
    "maps_before_relu",
    check="check_feature_maps",
    help="features(x) is the average of the maps after a ReLU. Return those maps, with the ReLU.",
)
class _MapsBeforeRelu(_Wrong):
    def feature_maps(self, x):
        x = self.layer3(self.layer2(self.layer1(self.relu(self.bn1(self.conv1(x))))))
        return _branch(self.layer4[0], x) + self.layer4[0].downsample(x)

    def features(self, x):
        return self.avgpool(F.relu(self.feature_maps(x))).flatten(1)


@mistake(
    "resnet.SmallResNet",
    "features_are_maxima",
    check="check_feature_maps",
    help="features(x) is the maximum of each map. Class activation maps rest on the average: use "
    "nn.AdaptiveAvgPool2d(1).",
)
class _FeaturesAreMaxima(_Wrong):
    def features(self, x):
        return self.feature_maps(x).amax(dim=(2, 3))


@mistake(
    "resnet.SmallResNet",
    "features_are_sums",
    check="check_feature_maps",
    help="features(x) is the sum of each map over its places. Take the mean.",
)
class _FeaturesAreSums(_Wrong):
    def features(self, x):
        return self.feature_maps(x).sum(dim=(2, 3))


@mistake(
    "resnet.SmallResNet",
    "dropout_stays_on",
    check="check_evaluation",
    help="Is F.dropout used without training=self.training? It drops in evaluation mode, too: pass it, or use "
    "nn.Dropout.",
)
class _DropoutStaysOn(_Wrong):
    def feature_maps(self, x):
        return F.dropout(super().feature_maps(x), 0.3)


@mistake(
    "resnet.SmallResNet",
    "statistics_of_batch",
    check="check_evaluation",
    help="Does batch norm use the batch's statistics in evaluation mode? Leave nn.BatchNorm2d its running "
    "statistics, and call train() and eval() only from outside.",
)
class _StatisticsOfBatch(_Wrong):
    def __init__(self, num_classes=10):
        super().__init__(num_classes)
        self.bn1 = nn.BatchNorm2d(24, track_running_stats=False)
