"""Known mistakes in the filters of `visualize.py`: task 4.1."""

from __future__ import annotations

from grader.author import mistake, mistaken_value


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
    help="The pictures are (n, 3, kh, kw). The channels come last in a picture: permute(0, 2, 3, 1).",
)
def channels_first(weight):
    return _scaled(_chosen(weight))


@mistake(
    "visualize.filter_images",
    "blue_first",
    check="check_rgb",
    help="The channels are reversed: blue, green, red, as in OpenCV. The network's input is red, green, blue.",
)
def blue_first(weight):
    return _scaled(_chosen(weight)).flip(1).permute(0, 2, 3, 1)


@mistake(
    "visualize.filter_images",
    "reshapes_instead_of_permuting",
    check="check_rgb",
    help="Places and channels are mixed, as by a reshape of (n, 3, kh, kw) to (n, kh, kw, 3). Use permute(0, 2, 3, 1).",
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
    help="The pictures lie on their side, (n, kw, kh, 3). permute(0, 2, 3, 1) keeps rows and columns in order.",
)
def filters_on_their_side(weight):
    return _scaled(_chosen(weight)).permute(0, 3, 2, 1)


@mistake(
    "visualize.filter_images",
    "not_normalised",
    check="check_range",
    help="Are these the weights as they are? Bring them to [0, 1], by their smallest and largest value.",
)
def not_normalised(weight):
    return _chosen(weight).permute(0, 2, 3, 1)


@mistake(
    "visualize.filter_images",
    "up_to_255",
    check="check_range",
    help="The values go far above 1. Are they scaled to 255? [0, 1] is asked for, which plt.imshow takes for "
    "floating point pictures.",
)
def up_to_255(weight):
    return (_scaled(_chosen(weight)) * 255).byte().permute(0, 2, 3, 1)


@mistake(
    "visualize.filter_images",
    "cuts_off",
    check="check_rgb",
    help="All negative weights look the same: they are cut off. Subtract the minimum and divide by the range instead.",
)
def cuts_off(weight):
    return _chosen(weight).clamp(0, 1).permute(0, 2, 3, 1)


@mistake(
    "visualize.filter_images",
    "too_faint",
    check="check_rgb",
    help="All filters are nearly the same gray. Is their range left out, as with a sigmoid or by adding 0.5? Use "
    "their smallest and largest value.",
)
def too_faint(weight):
    return _chosen(weight).sigmoid().permute(0, 2, 3, 1)


@mistake(
    "visualize.filter_images",
    "absolute_weights",
    check="check_rgb",
    help="The pictures show absolute values, where strongly negative weights look like strongly positive ones. Keep "
    "the signs.",
)
def absolute_weights(weight):
    return _scaled(_chosen(weight).abs()).permute(0, 2, 3, 1)


@mistake(
    "visualize.filter_images",
    "each_channel_on_its_own",
    check="check_rgb",
    help="Red, green and blue of a filter are scaled each on its own, which changes its colors. Take one minimum and "
    "one maximum of all three.",
)
def each_channel_on_its_own(weight):
    return _scaled(_chosen(weight), dims=(2, 3)).permute(0, 2, 3, 1)


@mistake(
    "visualize.filter_images",
    "grey_where_colours_are",
    check="check_rgb",
    help="Three input channels are averaged to gray. Show them as red, green and blue.",
)
def grey_where_colours_are(weight):
    return _scaled(weight.mean(dim=1, keepdim=True).expand(-1, 3, -1, -1)).permute(0, 2, 3, 1)


@mistake(
    "visualize.filter_images",
    "strongest_channel",
    check="check_other_channels",
    help="Each filter shows its own strongest channel. Choose once for all filters, so that they can be compared.",
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
    help="The pictures have all c channels, but a picture has three colors. Show one channel three times, three of "
    "them, or their mean.",
)
def keeps_all_channels(weight):
    return _scaled(weight).permute(0, 2, 3, 1)


@mistake(
    "visualize.filter_images",
    "takes_three_of_one",
    check="check_other_channels",
    help="The pictures have fewer than three colors. weight[:, :3] takes no more channels than there are: repeat one "
    "of them.",
)
def takes_three_of_one(weight):
    return _scaled(weight[:, :3]).permute(0, 2, 3, 1)


@mistake(
    "visualize.filter_images",
    "size_of_channels",
    check="check_other_channels",
    help="The pictures show how large all channels are together (a norm), which hides their signs. Show one of the "
    "channels, three of them, or their mean.",
)
def size_of_channels(weight):
    channels = weight if weight.shape[1] == 3 else weight.norm(dim=1, keepdim=True).expand(-1, 3, -1, -1)
    return _scaled(channels).permute(0, 2, 3, 1)


@mistake(
    "visualize.filter_images",
    "nan_where_constant",
    check="check_constant_filter",
    help="A filter whose weights are all equal gives nan: max - min is 0 there. Add a tiny number to the divisor.",
)
def nan_where_constant(weight):
    channels = _chosen(weight)
    low, high = channels.amin(dim=(1, 2, 3), keepdim=True), channels.amax(dim=(1, 2, 3), keepdim=True)
    return ((channels - low) / (high - low)).permute(0, 2, 3, 1)


@mistake(
    "visualize.filter_images",
    "changes_weights",
    check="check_weight_kept",
    help="The tensor that was passed in is different afterwards, and with it the network's weights. Work on a copy: "
    "weight.clone().",
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
    help="The first name must be that of the network's first convolution, which sees the colors of the image.",
)
layers_of_another_network = mistaken_value(
    "visualize.LAYERS",
    "layers_of_another_network",
    ("conv1", "layer4.1.conv2"),
    check="check_layers",
    help="The network has no layer of that name. Is it one of torchvision's ResNet-18? Print [name for name, _ in "
    "SmallResNet().named_modules()].",
)
layers_not_convolutions = mistaken_value(
    "visualize.LAYERS",
    "layers_not_convolutions",
    ("conv1", "layer2.0.bn1"),
    check="check_layers",
    help="One of the two is another kind of layer, which has no filters of its own. Name a convolution.",
)
layers_are_parameters = mistaken_value(
    "visualize.LAYERS",
    "layers_are_parameters",
    ("conv1.weight", "layer2.0.conv1.weight"),
    check="check_layers",
    help="That is the name of a parameter. Leave .weight off to name the layer.",
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
    help="The names start inside the network. Leave off what stands in front of them, such as `model.`.",
)
layers_twice_the_same = mistaken_value(
    "visualize.LAYERS",
    "layers_twice_the_same",
    ("conv1", "conv1"),
    check="check_layers",
    help="Both names are the same. Name the first convolution and one after it.",
)
layers_only_one = mistaken_value(
    "visualize.LAYERS",
    "layers_only_one",
    ("conv1",),
    check="check_layers",
    help="There is one name only. Name the first convolution and one after it.",
)
layers_in_one_string = mistaken_value(
    "visualize.LAYERS",
    "layers_in_one_string",
    "conv1, layer2.0.conv1",
    check="check_layers",
    help="LAYERS is one string. Write two, in brackets: ('conv1', 'layer2.0.conv1').",
)
