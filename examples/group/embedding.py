# CS280, Ines and Jonas. Features and t-SNE.
import numpy as np
import torch
from sklearn.manifold import TSNE


def penultimate_features(model, images):
    training = model.training
    model.eval()
    with torch.no_grad():
        features = model.features(images)
    model.train(training)
    return features


def embed_2d(features, seed=0):
    return TSNE(n_components=2, init="random", perplexity=15, random_state=seed).fit_transform(np.asarray(features))
