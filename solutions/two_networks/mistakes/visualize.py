"""Known mistakes in the filters of `visualize.py`: task 4.1."""

from __future__ import annotations

from grader.solutions import mistake, mistaken_value


def _chosen(weight):
    """Three channels to show, (n, 3, kh, kw)."""
    return weight if weight.shape[1] == 3 else weight.mean(dim=1, keepdim=True).expand(-1, 3, -1, -1)


def _scaled(channels, dims=(1, 2, 3)):
    low, high = channels.amin(dim=dims, keepdim=True), channels.amax(dim=dims, keepdim=True)
    return (channels - low) / (high - low).clamp(min=1e-12)


@mistake(
    "visualize.filter_images",
    "channels_first",
    check="check_rgb",
    help="Your pictures are (n, 3, kh, kw): the channels come last in a picture, permute(0, 2, 3, 1).",
)
def channels_first(weight):
    return _scaled(_chosen(weight))


@mistake(
    "visualize.filter_images",
    "blue_first",
    check="check_rgb",
    help="You reversed the channels to blue, green, red, as OpenCV has them; the network's input is red, green, blue.",
)
def blue_first(weight):
    return _scaled(_chosen(weight)).flip(1).permute(0, 2, 3, 1)


@mistake(
    "visualize.filter_images",
    "reshapes_instead_of_permuting",
    check="check_rgb",
    help="You reshaped (n, 3, kh, kw) to (n, kh, kw, 3), which mixes places and channels: use permute(0, 2, 3, 1).",
)
def reshapes_instead_of_permuting(weight):
    return _scaled(_chosen(weight)).permute(0, 2, 3, 1) if weight.shape[1] != 3 else _reshaped(weight)


def _reshaped(weight):
    n, _, kh, kw = weight.shape
    return _scaled(weight).reshape(n, kh, kw, 3)


@mistake(
    "visualize.filter_images",
    "filters_on_their_side",
    check="check_rgb",
    help="Your pictures lie on their side, (n, kw, kh, 3): permute(0, 2, 3, 1) keeps rows and columns in their order.",
)
def filters_on_their_side(weight):
    return _scaled(_chosen(weight)).permute(0, 3, 2, 1)


@mistake(
    "visualize.filter_images",
    "not_normalised",
    check="check_range",
    help="You returned the weights as they are; bring them to [0, 1], by their smallest and largest value.",
)
def not_normalised(weight):
    return _chosen(weight).permute(0, 2, 3, 1)


@mistake(
    "visualize.filter_images",
    "up_to_255",
    check="check_range",
    help="Your values run up to 255; [0, 1] is asked for, which plt.imshow takes for floating point pictures.",
)
def up_to_255(weight):
    return (_scaled(_chosen(weight)) * 255).byte().permute(0, 2, 3, 1)


@mistake(
    "visualize.filter_images",
    "cuts_off",
    check="check_rgb",
    help="You cut the weights off at 0 and 1 without scaling them, so that every negative weight is black: subtract "
    "the minimum and divide by the range.",
)
def cuts_off(weight):
    return _chosen(weight).clamp(0, 1).permute(0, 2, 3, 1)


@mistake(
    "visualize.filter_images",
    "too_faint",
    check="check_rgb",
    help="You squeezed the weights into [0, 1] without looking at their range (a sigmoid, or adding 0.5), so that "
    "every filter is nearly the same grey: use their smallest and largest value.",
)
def too_faint(weight):
    return _chosen(weight).sigmoid().permute(0, 2, 3, 1)


@mistake(
    "visualize.filter_images",
    "absolute_weights",
    check="check_rgb",
    help="You took the absolute value, so that strongly negative weights look like strongly positive ones.",
)
def absolute_weights(weight):
    return _scaled(_chosen(weight).abs()).permute(0, 2, 3, 1)


@mistake(
    "visualize.filter_images",
    "each_channel_on_its_own",
    check="check_rgb",
    help="You scaled red, green and blue of a filter each on its own, which changes its colours: take one minimum and "
    "one maximum of the three channels together.",
)
def each_channel_on_its_own(weight):
    return _scaled(_chosen(weight), dims=(2, 3)).permute(0, 2, 3, 1)


@mistake(
    "visualize.filter_images",
    "grey_where_colours_are",
    check="check_rgb",
    help="You averaged the three input channels to grey; where there are three, they are red, green and blue.",
)
def grey_where_colours_are(weight):
    return _scaled(weight.mean(dim=1, keepdim=True).expand(-1, 3, -1, -1)).permute(0, 2, 3, 1)


@mistake(
    "visualize.filter_images",
    "strongest_channel",
    check="check_other_channels",
    help="You show another channel of each filter (its strongest); choose once for all filters, so that they can be "
    "compared.",
)
def strongest_channel(weight):
    if weight.shape[1] == 3:
        return _scaled(weight).permute(0, 2, 3, 1)
    strongest = weight.abs().sum(dim=(2, 3)).argmax(dim=1)
    chosen = weight[range(len(weight)), strongest][:, None]
    return _scaled(chosen.expand(-1, 3, -1, -1)).permute(0, 2, 3, 1)


@mistake(
    "visualize.filter_images",
    "keeps_all_channels",
    check="check_other_channels",
    help="A picture has three colours, but you kept all c channels: show one of them three times, three of them, or "
    "their mean.",
)
def keeps_all_channels(weight):
    return _scaled(weight).permute(0, 2, 3, 1)


@mistake(
    "visualize.filter_images",
    "takes_three_of_one",
    check="check_other_channels",
    help="weight[:, :3] has only one channel where the convolution has one: repeat it three times.",
)
def takes_three_of_one(weight):
    return _scaled(weight[:, :3]).permute(0, 2, 3, 1)


@mistake(
    "visualize.filter_images",
    "size_of_channels",
    check="check_other_channels",
    help="You show how large the weights of all channels are together (a norm), which hides their signs: show one of "
    "the channels, three of them, or their mean.",
)
def size_of_channels(weight):
    channels = weight if weight.shape[1] == 3 else weight.norm(dim=1, keepdim=True).expand(-1, 3, -1, -1)
    return _scaled(channels).permute(0, 2, 3, 1)


@mistake(
    "visualize.filter_images",
    "nan_where_constant",
    check="check_constant_filter",
    help="Where all weights of a filter are equal, max - min is 0 and you divide by it: add a tiny number.",
)
def nan_where_constant(weight):
    channels = _chosen(weight)
    low, high = channels.amin(dim=(1, 2, 3), keepdim=True), channels.amax(dim=(1, 2, 3), keepdim=True)
    return ((channels - low) / (high - low)).permute(0, 2, 3, 1)


@mistake(
    "visualize.filter_images",
    "changes_weights",
    check="check_weight_kept",
    help="You changed the tensor that was passed in (an operation in place such as `-=`), and with it the network's "
    "weights: work on a copy, weight.clone().",
)
def changes_weights(weight):
    weight -= weight.amin(dim=(1, 2, 3), keepdim=True)
    weight /= weight.amax(dim=(1, 2, 3), keepdim=True).clamp(min=1e-12)
    return _scaled(_chosen(weight)).permute(0, 2, 3, 1)


layers_without_first = mistaken_value(
    "visualize.LAYERS",
    "layers_without_first",
    ("layer1.0.conv1", "layer2.0.conv1"),
    check="check_layers",
    help="The first name is to be that of the network's first convolution, which sees the colours of the image.",
)
layers_of_another_network = mistaken_value(
    "visualize.LAYERS",
    "layers_of_another_network",
    ("conv1", "layer4.1.conv2"),
    check="check_layers",
    help="Your network has no layer of that name (it may be one of torchvision's ResNet-18): print "
    "[name for name, _ in SmallResNet().named_modules()].",
)
layers_not_convolutions = mistaken_value(
    "visualize.LAYERS",
    "layers_not_convolutions",
    ("conv1", "layer2.0.bn1"),
    check="check_layers",
    help="One of the two is a block or another kind of layer, which has no filters: name a convolution.",
)
layers_are_parameters = mistaken_value(
    "visualize.LAYERS",
    "layers_are_parameters",
    ("conv1.weight", "layer2.0.conv1.weight"),
    check="check_layers",
    help="Those are names of parameters; leave .weight off to name the layers.",
)
layers_in_brackets = mistaken_value(
    "visualize.LAYERS",
    "layers_in_brackets",
    ("conv1", "layer2[0].conv1"),
    check="check_layers",
    help="Write the index with a dot, as named_modules() does: layer2.0.conv1 instead of layer2[0].conv1.",
)
layers_with_prefix = mistaken_value(
    "visualize.LAYERS",
    "layers_with_prefix",
    ("model.conv1", "model.layer2.0.conv1"),
    check="check_layers",
    help="The names start inside the network: leave off the name of your variable in front of them.",
)
layers_twice_the_same = mistaken_value(
    "visualize.LAYERS",
    "layers_twice_the_same",
    ("conv1", "conv1"),
    check="check_layers",
    help="Both names are the same: name the first convolution and one behind it.",
)
layers_only_one = mistaken_value(
    "visualize.LAYERS",
    "layers_only_one",
    ("conv1",),
    check="check_layers",
    help="There is one name only: name the first convolution and one behind it.",
)
layers_in_one_string = mistaken_value(
    "visualize.LAYERS",
    "layers_in_one_string",
    "conv1, layer2.0.conv1",
    check="check_layers",
    help="LAYERS is one string; write two, in brackets: ('conv1', 'layer2.0.conv1').",
)
