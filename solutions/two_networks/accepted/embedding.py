"""Other right ways of `embedding.py`: each must earn every point."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from grader.author import accepted

# --- penultimate_features ---------------------------------------------------------------------------------------------


@accepted("embedding.penultimate_features", "features_by_a_hook", "what goes into fc, caught by a hook; as numpy")
def features_by_a_hook(model, images):
    caught = []
    handle = model.fc.register_forward_pre_hook(lambda _layer, inputs: caught.append(inputs[0].detach()))
    was_training = model.training
    model.eval()
    try:
        model(images)
    finally:
        handle.remove()
        model.train(was_training)
    return caught[0].numpy()


@accepted(
    "embedding.penultimate_features", "features_of_maps", "the mean of the maps, one image at a time, with gradient"
)
def features_of_maps(model, images):
    mode = model.training
    model.eval()
    rows = [model.feature_maps(image[None]).mean(dim=(2, 3)) for image in images]
    model.train(mode)
    return torch.cat(rows)


@accepted("embedding.penultimate_features", "features_without_fc", "fc taken out and put back; (N, D, 1, 1)")
def features_without_fc(model, images):
    mode, layer = model.training, model.fc
    model.eval()
    model.fc = nn.Identity()
    with torch.inference_mode():
        answer = model(images)
    model.fc = layer
    model.train(mode)
    return answer[:, :, None, None]


@accepted("embedding.penultimate_features", "features_in_batches", "in batches of 64, with an argument more")
def features_in_batches(model, images, batch_size=64):
    mode = model.training
    model.eval()
    with torch.no_grad():
        parts = [model.features(part) for part in images.split(batch_size)]
    model.train(mode)
    return torch.cat(parts).tolist()


@accepted("embedding.penultimate_features", "features_by_children", "the children up to fc, as Sequential")
def features_by_children(model, images):
    mode = model.training
    model.eval()
    with torch.no_grad():
        answer = nn.Sequential(*list(model.children())[:-1])(images).flatten(1)
    model.train(mode)
    return answer


# --- embed_2d ---------------------------------------------------------------------------------------------------------


def _tsne(features, **options):
    from sklearn.manifold import TSNE

    return TSNE(n_components=2, **options).fit_transform(np.asarray(features))


@accepted("embedding.embed_2d", "layout_exact", "the exact method, random start, perplexity 5, float64 tensor")
def layout_exact(features, seed=0):
    points = _tsne(features, method="exact", init="random", perplexity=5, random_state=seed, max_iter=600)
    return torch.from_numpy(points.astype(np.float64))


@accepted("embedding.embed_2d", "layout_by_global_seed", "the global generator seeded, perplexity 40, random start")
def layout_by_global_seed(features, seed=0):
    np.random.seed(seed)
    return _tsne(features, init="random", perplexity=40, learning_rate=200.0)


@accepted("embedding.embed_2d", "layout_after_components", "50 principal components first, default settings, a list")
def layout_after_components(features, seed=0):
    from sklearn.decomposition import PCA

    points = PCA(50, random_state=seed).fit_transform(np.asarray(features))
    return _tsne(points, random_state=seed).tolist()


@accepted("embedding.embed_2d", "layout_by_angles", "cosine distances, 300 steps; brought to [0, 1]")
def layout_by_angles(features, seed=0):
    points = _tsne(features, metric="cosine", perplexity=40, max_iter=300, random_state=seed)
    return (points - points.min(0)) / np.ptp(points, axis=0)


@accepted("embedding.embed_2d", "layout_standardised", "features standardised first; the seed fixed for good")
def layout_standardised(features, seed=0):
    points = np.asarray(features)
    return _tsne((points - points.mean(0)) / (points.std(0) + 1e-6), random_state=42)


@accepted("embedding.embed_2d", "layout_written_out", "t-SNE written out, by gradient descent with momentum")
def layout_written_out(features, seed=0, perplexity=15.0, steps=500):
    x = torch.as_tensor(features).double()
    squared = torch.cdist(x, x) ** 2
    count = len(x)
    squared.fill_diagonal_(float("inf"))
    low, high = torch.zeros(count, 1), torch.full((count, 1), 1e6)
    nearest = squared - squared.amin(dim=1, keepdim=True)
    beta = torch.ones(count, 1, dtype=torch.double)
    for _ in range(80):  # the width of each point's neighbourhood, by bisection
        p = torch.exp(-nearest * beta)
        p = p / p.sum(dim=1, keepdim=True)
        entropy = -(p * torch.log(p.clamp(min=1e-300))).sum(dim=1, keepdim=True)
        wide = entropy > np.log(perplexity)
        low, high = torch.where(wide, beta, low.double()), torch.where(wide, high.double(), beta)
        beta = (low + high) / 2
    p = ((p + p.T) / (2 * count)).clamp(min=1e-12)
    y = 1e-2 * torch.randn(count, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.double)
    speed = torch.zeros_like(y)
    for step in range(steps):
        q = 1 / (1 + torch.cdist(y, y) ** 2)
        q.fill_diagonal_(0)
        force = ((12 if step < 150 else 1) * p - q / q.sum()) * q
        gradient = 4 * (force.sum(dim=1, keepdim=True) * y - force @ y)
        speed = (0.5 if step < 150 else 0.8) * speed - count / 12 * gradient
        y = y + speed - (y + speed).mean(dim=0)
    return y
