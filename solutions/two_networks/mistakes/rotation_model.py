"""Known mistakes in `rotation.rotation_model`: task 3."""

from __future__ import annotations

from torch import nn

from grader.author import mistake


@mistake(
    "rotation.rotation_model",
    "keeps_ten_classes",
    check="check_four_logits",
    help="The network still gives ten logits. Replace `fc` by a new nn.Linear with four outputs: setting "
    "`fc.out_features` changes no weights.",
)
def keeps_ten_classes(model):
    return model


@mistake(
    "rotation.rotation_model",
    "returns_no_model",
    check="check_four_logits",
    help="Nothing is returned. End rotation_model with `return model`.",
)
def returns_no_model(model):
    model.fc = nn.Linear(model.fc.in_features, 4)


@mistake(
    "rotation.rotation_model",
    "returns_the_layer",
    check="check_four_logits",
    help="Is the new last layer returned? Return the network that it is part of.",
)
def returns_the_layer(model):
    model.fc = nn.Linear(model.fc.in_features, 4)
    return model.fc


@mistake(
    "rotation.rotation_model",
    "fixed_width",
    check="check_four_logits",
    help="Does the last layer expect another number of inputs than the network gives it? Whatever the network, that "
    "is `model.fc.in_features`.",
)
def fixed_width(model):
    model.fc = nn.Linear(512, 4)
    return model


@mistake(
    "rotation.rotation_model",
    "model_with_softmax",
    check="check_four_logits",
    help="The network gives probabilities. Leave the softmax out: cross_entropy takes logits, and learns slowly from "
    "probabilities.",
)
def model_with_softmax(model):
    model.fc = nn.Sequential(nn.Linear(model.fc.in_features, 4), nn.Softmax(dim=1))
    return model


@mistake(
    "rotation.rotation_model",
    "stacks_on_ten_classes",
    check="check_same_architecture",
    help="The ten classes are still inside. Replace `fc` by a new layer that gets what the old one got.",
)
def stacks_on_ten_classes(model):
    return nn.Sequential(model, nn.Linear(10, 4))


@mistake(
    "rotation.rotation_model",
    "other_architecture",
    check="check_same_architecture",
    help="The network has another architecture than the given one. Only the last layer may differ.",
)
def other_architecture(model):
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 4)
    )


@mistake(
    "rotation.rotation_model",
    "freezes_features",
    check="check_all_trainable",
    help="Some parameters no longer require gradients, although nobody has trained them yet. Leave requires_grad as "
    "it is.",
)
def freezes_features(model):
    for parameter in model.parameters():
        parameter.requires_grad = False
    model.fc = nn.Linear(model.fc.in_features, 4)
    return model
