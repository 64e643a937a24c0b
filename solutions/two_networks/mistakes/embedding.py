"""Known mistakes in `embedding.py`: task 4.3."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from grader.author import mistake

# --- penultimate_features ---------------------------------------------------------------------------------------------


def _evaluated(model, describe):
    """What `describe()` gives in evaluation mode, the mode restored."""
    was_training = model.training
    model.eval()
    with torch.no_grad():
        result = describe()
    model.train(was_training)
    return result


@mistake(
    "embedding.penultimate_features",
    "gives_logits",
    check="check_what_fc_receives",
    help="These are the logits, what `fc` gives. Its input is asked for: model.features(images).",
)
def gives_logits(model, images):
    return _evaluated(model, lambda: model(images))


@mistake(
    "embedding.penultimate_features",
    "gives_probabilities",
    check="check_what_fc_receives",
    help="These are the probabilities of the classes. What `fc` receives is asked for: model.features(images).",
)
def gives_probabilities(model, images):
    return _evaluated(model, lambda: model(images).softmax(dim=1))


@mistake(
    "embedding.penultimate_features",
    "gives_maps",
    check="check_what_fc_receives",
    help="These are the flattened feature maps. `fc` receives their average over the places, one number per channel.",
)
def gives_maps(model, images):
    return _evaluated(model, lambda: model.feature_maps(images).flatten(1))


@mistake(
    "embedding.penultimate_features",
    "gives_largest",
    check="check_what_fc_receives",
    help="These are the largest values of the feature maps. `fc` receives the average.",
)
def gives_largest(model, images):
    return _evaluated(model, lambda: model.feature_maps(images).amax(dim=(2, 3)))


@mistake(
    "embedding.penultimate_features",
    "averages_channels",
    check="check_what_fc_receives",
    help="This is the average over the channels. Average over the places: mean(dim=(2, 3)).",
)
def averages_channels(model, images):
    return _evaluated(model, lambda: model.feature_maps(images).mean(dim=1).flatten(1))


@mistake(
    "embedding.penultimate_features",
    "gives_unit_length",
    check="check_what_fc_receives",
    help="These are features of length 1. Return them as `fc` receives them.",
)
def gives_unit_length(model, images):
    return _evaluated(model, lambda: nn.functional.normalize(model.features(images)))


@mistake(
    "embedding.penultimate_features",
    "subtracts_mean",
    check="check_what_fc_receives",
    help="The mean of the batch is subtracted, so an image gets other features beside other images. Return them as "
    "`fc` receives them.",
)
def subtracts_mean(model, images):
    features = _evaluated(model, lambda: model.features(images))
    return features - features.mean(dim=0)


@mistake(
    "embedding.penultimate_features",
    "transposes_features",
    check="check_what_fc_receives",
    help="The result is (D, N). A row per image is asked for.",
)
def transposes_features(model, images):
    return _evaluated(model, lambda: model.features(images)).T


@mistake(
    "embedding.penultimate_features",
    "first_image_only",
    check="check_what_fc_receives",
    help="These are the features of the first image only. Is there an index [0] too many?",
)
def first_image_only(model, images):
    return _evaluated(model, lambda: model.features(images))[0]


@mistake(
    "embedding.penultimate_features",
    "stays_in_training",
    check="check_evaluation_mode",
    help="These are the features in training mode, where batch norm uses the batch's own statistics. Call "
    "model.eval() first.",
)
def stays_in_training(model, images):
    with torch.no_grad():
        return model.features(images)


@mistake(
    "embedding.penultimate_features",
    "leaves_evaluation",
    check="check_mode_left",
    help="The network is left in evaluation mode, and training would go on in it. Remember model.training first, and "
    "call model.train(was_training) at the end.",
)
def leaves_evaluation(model, images):
    model.eval()
    with torch.no_grad():
        return model.features(images)


@mistake(
    "embedding.penultimate_features",
    "leaves_training",
    check="check_mode_left",
    help="The network is left in training mode. Remember model.training first, and call model.train(was_training) at "
    "the end.",
)
def leaves_training(model, images):
    model.eval()
    with torch.no_grad():
        features = model.features(images)
    model.train()
    return features


@mistake(
    "embedding.penultimate_features",
    "removes_fc",
    check="check_network_kept",
    help="Afterwards the network no longer gives its logits. If `fc` is taken out, put it back, or call "
    "model.features(images).",
)
def removes_fc(model, images):
    model.fc = nn.Identity()
    return _evaluated(model, lambda: model(images))


# --- embed_2d ---------------------------------------------------------------------------------------------------------


def _tsne(features, seed, **options):
    from sklearn.manifold import TSNE

    settings = {"n_components": 2, "perplexity": 20, "random_state": seed} | options
    return TSNE(**settings).fit_transform(np.asarray(features))


@mistake(
    "embedding.embed_2d",
    "principal_components",
    check="check_neighbours_kept",
    help="This is a projection onto the two principal components (PCA), which is not t-SNE. See sklearn.manifold.TSNE.",
)
def principal_components(features, seed=0):
    from sklearn.decomposition import PCA

    return PCA(2, random_state=seed).fit_transform(np.asarray(features))


@mistake(
    "embedding.embed_2d",
    "another_method",
    check="check_neighbours_kept",
    help="Is this another method, such as a spectral embedding? t-SNE is asked for. See sklearn.manifold.TSNE.",
)
def another_method(features, seed=0):
    from sklearn.manifold import SpectralEmbedding

    method = SpectralEmbedding(2, affinity="nearest_neighbors", n_neighbors=5, random_state=seed)
    return method.fit_transform(np.asarray(features, dtype=np.float64))


@mistake(
    "embedding.embed_2d",
    "first_two_features",
    check="check_neighbours_kept",
    help="These are the first two features. t-SNE makes two new numbers of all of them.",
)
def first_two_features(features, seed=0):
    return np.asarray(features)[:, :2]


@mistake(
    "embedding.embed_2d",
    "too_few_steps",
    check="check_neighbours_kept",
    help="t-SNE was stopped before it came to rest. Its first 250 steps only prepare: leave max_iter at 1000.",
)
def too_few_steps(features, seed=0):
    return _tsne(features, seed, max_iter=250)


@mistake(
    "embedding.embed_2d",
    "three_dimensions",
    check="check_any_features",
    help="The layout has three dimensions. Use n_components=2.",
)
def three_dimensions(features, seed=0):
    return _tsne(features, seed, n_components=3)


@mistake(
    "embedding.embed_2d",
    "lays_out_features",
    check="check_any_features",
    help="There is a point for each feature. A point for each image is asked for: leave out the transpose.",
)
def lays_out_features(features, seed=0):
    points = np.asarray(features).T
    return _tsne(points, seed, perplexity=min(20, (len(points) - 1) / 2), init="random")


@mistake(
    "embedding.embed_2d",
    "first_hundred",
    check="check_any_features",
    help="Only the first 100 images are laid out. Lay out all of them.",
)
def first_hundred(features, seed=0):
    return _tsne(features[:100], seed)


@mistake(
    "embedding.embed_2d",
    "perplexity_too_large",
    check="check_any_features",
    help="Is the perplexity less than the number of images, which may be 100? 5 to 50 is usual.",
)
def perplexity_too_large(features, seed=0):
    return _tsne(features, seed, perplexity=100)


@mistake(
    "embedding.embed_2d",
    "returns_estimator",
    check="check_any_features",
    help="Is the TSNE object returned? `fit` returns it; `fit_transform` returns the points.",
)
def returns_estimator(features, seed=0):
    from sklearn.manifold import TSNE

    return TSNE(2, random_state=seed).fit(np.asarray(features))


@mistake(
    "embedding.embed_2d",
    "ignores_seed",
    check="check_same_seed",
    help="The layout changes from call to call. Is `seed` passed on, as random_state=seed?",
)
def ignores_seed(features, seed=0):
    return _tsne(features, None, init="random")
