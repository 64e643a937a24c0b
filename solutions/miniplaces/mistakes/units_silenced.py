"""Known mistakes in the second half of `units.py`, networks without some units: tasks 2c and 2d."""

from __future__ import annotations

import torch
from torch import nn

from grader.solutions import mistake

# --- deactivate_unit_activations --------------------------------------------------------------------------------------


def _logits(model, image, change):
    """Logits of an image after `change(maps)`, maps (1, c, h, w)."""
    model.eval()
    with torch.no_grad():
        maps = nn.Sequential(*list(model.children())[:-2])(image[None])
        return model.fc(model.avgpool(change(maps)).flatten(1))[0]


def _units(unit_ids):
    return torch.as_tensor(unit_ids).reshape(-1)


@mistake(
    "units.deactivate_unit_activations",
    "silences_nothing",
    check="check_deactivated",
    help="Your logits are those of the whole network: what you set to 0 is not what goes into avgpool and fc.",
)
def silences_nothing(model, image, unit_ids):
    return _logits(model, image, lambda maps: maps)


@mistake(
    "units.deactivate_unit_activations",
    "silences_the_first_only",
    check="check_deactivated",
    help="Of several units you silence only the first: set all of them to 0.",
)
def silences_the_first_only(model, image, unit_ids):
    return _logits(model, image, lambda maps: maps.index_fill(1, _units(unit_ids)[:1], 0))


@mistake(
    "units.deactivate_unit_activations",
    "keeps_only_these",
    check="check_deactivated",
    help="You keep the given units and silence all others; it should be the other way round.",
)
def keeps_only_these(model, image, unit_ids):
    def change(maps):
        kept = torch.zeros_like(maps)
        kept[:, _units(unit_ids)] = maps[:, _units(unit_ids)]
        return kept

    return _logits(model, image, change)


@mistake(
    "units.deactivate_unit_activations",
    "silences_range",
    check="check_deactivated",
    help="You silence all units up to the given one: index the units of the list, `maps[:, unit_ids] = 0`.",
)
def silences_range(model, image, unit_ids):
    last = int(_units(unit_ids).max())
    return _logits(model, image, lambda maps: maps.index_fill(1, torch.arange(last + 1), 0))


@mistake(
    "units.deactivate_unit_activations",
    "zeroes_logits",
    check="check_deactivated",
    help="You set logits to 0: units are channels of the last convolutional output, not classes.",
)
def zeroes_logits(model, image, unit_ids):
    logits = _logits(model, image, lambda maps: maps)
    logits[_units(unit_ids) % len(logits)] = 0
    return logits


@mistake(
    "units.deactivate_unit_activations",
    "returns_probabilities",
    check="check_deactivated",
    help="You return probabilities; leave the softmax out and return the logits.",
)
def returns_probabilities(model, image, unit_ids):
    return _logits(model, image, lambda maps: maps.index_fill(1, _units(unit_ids), 0)).softmax(dim=0)


@mistake(
    "units.deactivate_unit_activations",
    "leaves_a_hook",
    check="check_model_restored",
    help="Your forward hook stays on the network, so the units stay silent: keep what register_forward_hook returns "
    "and call its remove().",
)
def leaves_a_hook(model, image, unit_ids):
    model.eval()
    model.layer4.register_forward_hook(lambda _layer, _inputs, maps: maps.index_fill(1, _units(unit_ids), 0))
    with torch.no_grad():
        return model(image[None])[0]


@mistake(
    "units.deactivate_unit_activations",
    "changes_fc",
    check="check_model_restored",
    help="You set the weights of fc to 0, which changes the network for good: change the activations, or a copy.",
)
def changes_fc(model, image, unit_ids):
    with torch.no_grad():
        model.fc.weight[:, _units(unit_ids)] = 0
    return _logits(model, image, lambda maps: maps)


# --- lowest_dropped_units ---------------------------------------------------------------------------------------------


def _first_change(model, image, order_of, cumulative=True):
    """The place in an order of units at which the top class changes, from 1; None when it never does."""
    model.eval()
    with torch.no_grad():
        whole = model.avgpool(nn.Sequential(*list(model.children())[:-2])(image[None])).flatten(1)
        top = int(model.fc(whole).argmax())
        features = whole.clone()
        for count, unit in enumerate(order_of(model.fc.weight[top], whole[0]), start=1):
            features = features if cumulative else whole.clone()
            features[0, unit] = 0
            if int(model.fc(features).argmax()) != top:
                return count
    return None


def _by_weight(weights, _activations):
    return weights.argsort(descending=True, stable=True)


@mistake(
    "units.lowest_dropped_units",
    "counts_one_too_few",
    check="check_dropped_count",
    help="You count from 0: when the first drop already changes the class, the answer is 1.",
)
def counts_one_too_few(model, image):
    count = _first_change(model, image, _by_weight)
    return None if count is None else count - 1


@mistake(
    "units.lowest_dropped_units",
    "counts_one_too_many",
    check="check_dropped_count",
    help="You count one drop too many: the answer is how many are dropped when the class first changes.",
)
def counts_one_too_many(model, image):
    count = _first_change(model, image, _by_weight)
    return None if count is None else count + 1


@mistake(
    "units.lowest_dropped_units",
    "drops_smallest_first",
    check="check_dropped_count",
    help="You drop the units with the smallest weights first: argsort sorts upwards unless you say descending=True.",
)
def drops_smallest_first(model, image):
    return _first_change(model, image, lambda weights, _: weights.argsort(stable=True))


@mistake(
    "units.lowest_dropped_units",
    "drops_one_at_a_time",
    check="check_dropped_count",
    help="You drop each unit alone and put the one before back: what is dropped stays dropped.",
)
def drops_one_at_a_time(model, image):
    return _first_change(model, image, _by_weight, cumulative=False)


@mistake(
    "units.lowest_dropped_units",
    "orders_by_contribution",
    check="check_dropped_count",
    help="You order the units by weight times activation; the task orders them by their weight in fc alone.",
)
def orders_by_contribution(model, image):
    return _first_change(model, image, lambda weights, active: (weights * active).argsort(descending=True, stable=True))


@mistake(
    "units.lowest_dropped_units",
    "never_none",
    check="check_dropped_count",
    help="Where no other class ever comes out on top you return a number: return None there.",
)
def never_none(model, image):
    count = _first_change(model, image, _by_weight)
    return model.fc.in_features if count is None else count


@mistake(
    "units.lowest_dropped_units",
    "only_five_units",
    check="check_dropped_count",
    help="You drop five units at most, the default of top_units: pass k, as many as there are.",
)
def only_five_units(model, image):
    return _first_change(model, image, lambda weights, _: _by_weight(weights, None)[:5])
