# CS280, Ines and Jonas. Training by predicting rotations.
import torch
import torch.nn as nn


def rotate_images(images):
    turns = [torch.rot90(images, k, dims=[2, 3]) for k in range(4)]
    labels = torch.arange(4).repeat(images.shape[0])
    return torch.cat(turns), labels


def rotation_model(model):
    model.fc = nn.Linear(model.fc.in_features, 4)
    return model


def extreme_examples(losses, k):
    order = torch.argsort(torch.as_tensor(losses))
    return order[:k].tolist(), order.flip(0)[:k].tolist()
