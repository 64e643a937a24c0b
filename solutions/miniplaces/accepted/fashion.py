"""Other right ways of `fashion.py`: each must earn every point."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from grader.author import accepted


@accepted("fashion.train", "lists_losses", "nn.CrossEntropyLoss, a list of batch losses, gradients cleared at the end")
def lists_losses(dataloader, model, optimizer, epoch):
    criterion = nn.CrossEntropyLoss()
    model.train()
    optimizer.zero_grad()
    losses, right, seen = [], 0, 0
    for batch in dataloader:
        images, labels = batch[0], batch[1]
        output = model(images)
        loss = criterion(output, labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)
        losses.append(loss.item())
        right += (output.max(1)[1] == labels).sum().item()
        seen += images.size(0)
    return losses, right / seen


@accepted(
    "fashion.train", "empty_losses", "an empty list of losses, the accuracy as a tensor, log_softmax and nll_loss"
)
def empty_losses(dataloader, model, optimizer, epoch):
    model.train(True)
    right = torch.tensor(0.0)
    for images, labels in dataloader:
        model.zero_grad()
        output = F.log_softmax(model(images), dim=1)
        F.nll_loss(output, labels).backward()
        optimizer.step()
        right += (output.argmax(1) == labels).float().sum()
    return [], right / len(dataloader.dataset)


@accepted("fashion.train", "loss_tensors", "a list of loss tensors that still require grad; mean over batches")
def loss_tensors(dataloader, model, optimizer, epoch):
    model.train()
    losses, accuracies = [], []
    for images, labels in dataloader:
        optimizer.zero_grad()
        output = model(images)
        loss = F.cross_entropy(output, labels)
        loss.backward()
        optimizer.step()
        losses.append(loss)
        accuracies.append((output.argmax(1) == labels).float().mean().item())
    return losses, np.mean(accuracies)


@accepted("fashion.train", "half_precision", "the network in bfloat16, by autocast, and a gradient scaler")
def half_precision(dataloader, model, optimizer, epoch):
    scaler = torch.amp.GradScaler("cpu", enabled=False)
    model.train()
    total = right = seen = 0
    for images, labels in dataloader:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            output = model(images)
            loss = F.cross_entropy(output, labels)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        total += loss.item() * len(labels)
        right += int((output.argmax(1) == labels).sum())
        seen += len(labels)
    return total / seen, right / seen


@accepted("fashion.train", "clips_and_smooths", "gradient clipping, label smoothing, random flips: techniques of 4d")
def clips_and_smooths(dataloader, model, optimizer, epoch):
    model.train()
    total = right = seen = 0
    for images, labels in dataloader:
        images = torch.where(torch.rand(len(images), 1, 1, 1) < 0.5, images, images.flip(-1))
        output = model(images)
        loss = F.cross_entropy(output, labels, label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        total += loss.item()
        right += int((output.argmax(1) == labels).sum())
        seen += len(labels)
    return total / len(dataloader), right / seen


@accepted("fashion.train", "penalizes_weights", "a small penalty on the weights; loss and accuracy as one array")
def penalizes_weights(dataloader, model, optimizer, epoch):
    model.train()
    totals = np.zeros(3)
    for images, labels in dataloader:
        logits = model(images)
        loss = F.cross_entropy(logits, labels)
        optimizer.zero_grad()
        (loss + 5e-4 * sum((parameter**2).sum() for parameter in model.parameters())).backward()
        optimizer.step()
        totals += loss.item() * len(labels), int((logits.argmax(dim=1) == labels).sum()), len(labels)
    return totals[:2] / totals[2]


@accepted("fashion.get_prediction", "through_softmax", "softmax first, torch.max, the network's mode left alone")
def through_softmax(image, net):
    return torch.max(torch.softmax(net(image), dim=1), 1)[1]


@accepted("fashion.get_prediction", "keeps_dimension", "a column (N, 1), int32, as numpy")
def keeps_dimension(image, net):
    with torch.no_grad():
        return net(image).argmax(dim=1, keepdim=True).int().numpy()


@accepted("fashion.get_prediction", "list_of_ints", "a list of Python ints")
def list_of_ints(image, net):
    net.eval()
    return [int(k) for k in net(image).argmax(1)]


@accepted("fashion.evaluate", "own_loop", "a loop of its own, the result a tensor, training mode restored afterwards")
def own_loop(dataloader, net):
    was_training = net.training
    net.eval()
    right, seen = torch.tensor(0), 0
    with torch.inference_mode():
        for images, labels in dataloader:
            right = right + (net(images).argmax(1) == labels).sum()
            seen += len(labels)
    net.train(was_training)
    return right / seen


@accepted("fashion.create_optimizer", "momentum", "SGD with momentum and weight decay")
def momentum(net, lr):
    return torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9, weight_decay=5e-4, nesterov=True)


@accepted("fashion.create_optimizer", "two_groups", "Adam with weight decay for some parameters only")
def two_groups(net, lr):
    matrices = [p for p in net.parameters() if p.ndim > 1]
    vectors = [p for p in net.parameters() if p.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": 1e-4}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.Adam(groups, lr=lr)


@accepted("fashion.create_optimizer", "rmsprop", "RMSprop over named parameters")
def rmsprop(net, lr):
    return torch.optim.RMSprop([p for _, p in net.named_parameters() if p.requires_grad], lr)


@accepted("fashion.create_optimizer", "rprop", "Rprop, whose steps never get smaller than a millionth")
def rprop(net, lr):
    return torch.optim.Rprop(net.parameters(), lr=lr)


@accepted("fashion.create_optimizer", "lbfgs", "LBFGS, whose step wants a closure")
def lbfgs(net, lr):
    return torch.optim.LBFGS(net.parameters(), lr=lr)
