# CS280, Ines and Jonas. Nearest neighbours.
import torch.nn.functional as F


def nearest_neighbours(queries, bank, k=10):
    q = F.normalize(queries, dim=1)
    b = F.normalize(bank, dim=1)
    similarity = q @ b.T
    return similarity.argsort(dim=1, descending=True)[:, :k]
