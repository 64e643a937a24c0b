"""Known mistakes in the second half of `units.py`, networks without some units: tasks 2c and 2d."""

from __future__ import annotations

import torch
from torch import nn

from grader.author import mistake

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
    help="These are the logits of the whole network: no unit is switched off. Set the maps to 0 before avgpool and "
    "fc use them.",
)
def silences_nothing(model, image, unit_ids):
    return _logits(model, image, lambda maps: maps)


@mistake(
    "units.deactivate_unit_activations",
    "silences_the_first_only",
    check="check_deactivated",
    help="Of several units, only the first is switched off. Set all of them to 0.",
)
def silences_the_first_only(model, image, unit_ids):
    return _logits(model, image, lambda maps: maps.index_fill(1, _units(unit_ids)[:1], 0))


@mistake(
    "units.deactivate_unit_activations",
    "keeps_only_these",
    check="check_deactivated",
    help="The given units are kept and all others are switched off. It should be the other way around.",
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
    help="Units before the given one are switched off, too. Index the given units only: `maps[:, unit_ids] = 0`.",
)
def silences_range(model, image, unit_ids):
    last = int(_units(unit_ids).max())
    return _logits(model, image, lambda maps: maps.index_fill(1, torch.arange(last + 1), 0))


@mistake(
    "units.deactivate_unit_activations",
    "zeroes_logits",
    check="check_deactivated",
    help="A logit is 0, and the others are those of the whole network. Units are channels of the last convolutional "
    "output, not classes.",
)
def zeroes_logits(model, image, unit_ids):
    logits = _logits(model, image, lambda maps: maps)
    logits[_units(unit_ids) % len(logits)] = 0
    return logits


@mistake(
    "units.deactivate_unit_activations",
    "returns_probabilities",
    check="check_deactivated",
    help="These are probabilities. Leave the softmax out and return the logits.",
)
def returns_probabilities(model, image, unit_ids):
    return _logits(model, image, lambda maps: maps.index_fill(1, _units(unit_ids), 0)).softmax(dim=0)


@mistake(
    "units.deactivate_unit_activations",
    "leaves_a_hook",
    check="check_model_restored",
    help="The next ordinary call still lacks the units. Is a forward hook left on the network? Keep what "
    "register_forward_hook returns, and call its remove().",
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
    help="Afterwards fc.weight is 0 for these units, so the network has changed for good. Change the activations, or "
    "work on a copy.",
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
    help="The count is one too low. When the first drop already changes the class, the answer is 1.",
)
def counts_one_too_few(model, image):
    count = _first_change(model, image, _by_weight)
    return None if count is None else count - 1


@mistake(
    "units.lowest_dropped_units",
    "counts_one_too_many",
    check="check_dropped_count",
    help="The count is one too high. The answer is how many units are dropped when the class first changes.",
)
def counts_one_too_many(model, image):
    count = _first_change(model, image, _by_weight)
    return None if count is None else count + 1


@mistake(
    "units.lowest_dropped_units",
    "drops_smallest_first",
    check="check_dropped_count",
    help="This is the count when units with the smallest weights are dropped first. argsort sorts upward unless "
    "descending=True.",
)
def drops_smallest_first(model, image):
    return _first_change(model, image, lambda weights, _: weights.argsort(stable=True))


@mistake(
    "units.lowest_dropped_units",
    "drops_one_at_a_time",
    check="check_dropped_count",
    help="This is the answer when each unit is put back before the next one is dropped. What is dropped stays dropped.",
)
def drops_one_at_a_time(model, image):
    return _first_change(model, image, _by_weight, cumulative=False)


@mistake(
    "units.lowest_dropped_units",
    "orders_by_contribution",
    check="check_dropped_count",
    help="This is the count when units are ordered by weight times activation. Order them by their weight in fc alone.",
)
def orders_by_contribution(model, image):
    return _first_change(model, image, lambda weights, active: (weights * active).argsort(descending=True, stable=True))


@mistake(
    "units.lowest_dropped_units",
    "never_none",
    check="check_dropped_count",
    help="No other class ever comes out on top here. The answer is None then, not a number.",
)
def never_none(model, image):
    count = _first_change(model, image, _by_weight)
    return model.fc.in_features if count is None else count


@mistake(
    "units.lowest_dropped_units",
    "only_five_units",
    check="check_dropped_count",
    help="The answer is None, but the class changes later. Are only five units dropped, the default of top_units? "
    "Pass k: as many as there are.",
)
def only_five_units(model, image):
    return _first_change(model, image, lambda weights, _: _by_weight(weights, None)[:5])


@mistake(
    "units.lowest_dropped_units",
    "drops_for_top_class_only",
    check="check_dropped_count",
    help="The dropped units are missing from the top class alone, and still count for the others. A unit that is "
    "dropped is missing from every class.",
)
def drops_for_top_class_only(model, image):
    model.eval()
    with torch.no_grad():
        features = model.avgpool(nn.Sequential(*list(model.children())[:-2])(image[None])).flatten(1)[0]
        weight, bias = model.fc.weight.clone(), model.fc.bias
        top = int((weight @ features + bias).argmax())
        for count, unit in enumerate(_by_weight(model.fc.weight[top], None), start=1):
            weight[top, unit] = 0
            if int((weight @ features + bias).argmax()) != top:
                return count
    return None


@mistake(
    "units.lowest_dropped_units",
    "drops_from_the_model",
    check="check_count_keeps_model",
    help="Afterwards fc.weight is 0 for the dropped units, so the network has changed for good. Change the features, "
    "or work on a copy.",
)
def drops_from_the_model(model, image):
    model.eval()
    with torch.no_grad():
        top = int(model(image[None]).argmax())
        for count, unit in enumerate(_by_weight(model.fc.weight[top], None), start=1):
            model.fc.weight[:, unit] = 0
            if int(model(image[None]).argmax()) != top:
                return count
    return None
