"""Other right ways of `supervised.py`: each must earn every point."""

from __future__ import annotations

import io
import json
import sys

import numpy as np
import resnet
import torch
import torch.nn.functional as F

from grader.author import accepted, accepted_file, model_file


@accepted("supervised.cross_entropy", "one_hot_product", "one-hot targets times log_softmax, of shape (1,)")
def one_hot_product(logits, targets):
    one_hot = torch.eye(logits.shape[1])[targets]
    return -(one_hot * F.log_softmax(logits, dim=-1)).sum().view(1) / len(targets)


@accepted("supervised.cross_entropy", "logsumexp_minus_logit", "logsumexp less the right logit, by indexing")
def logsumexp_minus_logit(logits, targets):
    return (torch.logsumexp(logits, dim=1) - logits[torch.arange(len(logits)), targets]).mean()


@accepted("supervised.cross_entropy", "by_hand", "exp and log by hand after each row's maximum is subtracted; options")
def by_hand(logits, targets, smoothing=0.0, reduction="mean"):
    shifted = logits - logits.max(dim=1, keepdim=True).values
    log_probabilities = shifted - torch.log(torch.exp(shifted).sum(dim=1, keepdim=True))
    right = log_probabilities.gather(1, targets.unsqueeze(1)).squeeze(1)
    losses = -(1 - smoothing) * right - smoothing * log_probabilities.mean(dim=1)
    return losses.mean() if reduction == "mean" else losses


@accepted("supervised.cross_entropy", "in_a_loop", "a loop over the batch, in double precision, the maximum detached")
def in_a_loop(logits, targets):
    total = torch.zeros((), dtype=torch.float64)
    for row, target in zip(logits.double(), targets.tolist(), strict=True):
        largest = row.detach().max()
        total = total + torch.log(torch.exp(row - largest).sum()) + largest - row[target]
    return total / len(logits)


@accepted(
    "supervised.train_epoch", "averages_by_batch", "torch's loss, gradients cleared at the end, means over batches"
)
def averages_by_batch(model, loader, optimizer):
    model.train()
    optimizer.zero_grad()
    losses, accuracies = [], []
    for batch in loader:
        images, labels = batch[0], batch[1]
        output = model(images)
        loss = F.cross_entropy(output, labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)
        losses.append(loss.item())
        accuracies.append((output.max(1)[1] == labels).float().mean().item())
    return np.mean(losses), np.mean(accuracies)


@accepted(
    "supervised.train_epoch", "gives_tensors", "tensors that still require grad, clipped gradients, more arguments"
)
def gives_tensors(model, loader, optimizer, scheduler=None, clip=5.0, device="cpu"):
    model.to(device).train(True)
    total, right, seen = torch.zeros(1), torch.zeros(1), 0
    for images, labels in loader:
        model.zero_grad()
        output = model(images.to(device))
        loss = F.cross_entropy(output, labels.to(device))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
        total = total + loss * len(labels)
        right += (output.argmax(1) == labels).sum()
        seen += images.size(0)
    return total / seen, right / seen


@accepted("supervised.train_epoch", "penalizes_weights", "a small penalty on the weights in what is differentiated")
def penalizes_weights(model, loader, optimizer):
    model.train()
    total, right, seen = 0.0, 0, 0
    for images, labels in loader:
        logits = model(images)
        loss = F.cross_entropy(logits, labels)
        optimizer.zero_grad()
        (loss + 5e-4 * sum((parameter**2).sum() for parameter in model.parameters())).backward()
        optimizer.step()
        total, seen = total + loss.item() * len(labels), seen + len(labels)
        right += int((logits.argmax(dim=1) == labels).sum())
    return total / seen, right / seen


@accepted("supervised.train_epoch", "with_closure", "the optimizer steps through a closure; a list of two, as an array")
def with_closure(model, loader, optimizer):
    model.train()
    totals = np.zeros(3)
    for images, labels in loader:

        def closure(images=images, labels=labels):
            optimizer.zero_grad()
            logits = model(images)
            loss = -logits.log_softmax(1)[range(len(labels)), labels].mean()
            loss.backward()
            totals[:] += loss.item() * len(labels), (logits.argmax(1) == labels).sum().item(), len(labels)
            return loss

        optimizer.step(closure)
    return totals[:2] / totals[2]


@accepted("supervised.evaluate", "all_at_once", "logits of all batches joined, results as numpy, the mode restored")
def all_at_once(model, loader):
    was_training = model.training
    model.eval()
    with torch.inference_mode():
        parts = [(model(images), labels) for images, labels in loader]
    logits, labels = (torch.cat(part) for part in zip(*parts, strict=True))
    model.train(was_training)
    return F.cross_entropy(logits, labels).numpy(), (logits.argmax(1) == labels).numpy().mean()


@accepted("supervised.evaluate", "half_precision", "the network in bfloat16, by autocast")
def half_precision(model, loader):
    model.eval()
    losses = right = count = 0
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for images, labels in loader:
            logits = model(images)
            losses += F.cross_entropy(logits.float(), labels, reduction="sum").item()
            right += (logits.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    return losses / count, right / count


@accepted("supervised.evaluate", "loss_over_batches", "the loss averaged over batches, the accuracy over the data set")
def loss_over_batches(model, loader, criterion=F.cross_entropy):
    model.eval()
    loss, right = 0.0, 0
    with torch.no_grad():
        for images, labels in loader:
            logits = model(images)
            loss += criterion(logits, labels).item() / len(loader)
            right += (logits.argmax(dim=1) == labels).sum()
    return [loss, right / len(loader.dataset)]


@accepted("supervised.best_epoch", "least_loss", "the least val_loss, through numpy")
def least_loss(history):
    return np.argmin(history["val_loss"])


@accepted("supervised.best_epoch", "latest_of_ties", "the highest val_accuracy, the latest of several, as a tensor")
def latest_of_ties(history):
    accuracies = history["val_accuracy"]
    return torch.tensor(len(accuracies) - 1 - int(np.argmax(accuracies[::-1])))


@accepted("supervised.best_epoch", "by_sorting", "epochs sorted by accuracy, then by loss")
def by_sorting(history):
    epochs = range(len(history["val_loss"]))
    return sorted(epochs, key=lambda i: (-history["val_accuracy"][i], history["val_loss"][i]))[0]


@accepted_file("supervised.py", "supervised.names_it_in_comments", "F.cross_entropy in comments and in other functions")
def names_it_in_comments(files):
    added = '''

def cross_entropy(logits, targets):
    """Right as F.cross_entropy, without nn.CrossEntropyLoss."""
    # F.nll_loss(F.log_softmax(logits)) would do
    nll_loss = logits.logsumexp(1) - logits[torch.arange(len(logits)), targets]
    return nll_loss.mean()


def compare_with_torch(logits, targets):
    return cross_entropy(logits, targets) - F.cross_entropy(logits, targets)
'''
    return files["supervised.py"] + added.encode()


def _loaded(files):
    return torch.load(io.BytesIO(files["supervised.pth"]))


@accepted_file("supervised.pth", "supervised.model_in_checkpoint", '{"state_dict": ...} beside other things')
def model_in_checkpoint(files):
    return model_file({"epoch": 17, "state_dict": _loaded(files), "best": 0.78})


@accepted_file(
    "supervised.pth", "supervised.model_in_other_checkpoint", '{"model_state_dict": ...}, names with module.'
)
def model_in_other_checkpoint(files):
    weights = {f"module.{name}": tensor for name, tensor in _loaded(files).items()}
    return model_file({"model_state_dict": weights, "optimizer_state_dict": {}})


@accepted_file("supervised.pth", "supervised.model_averaged", "an AveragedModel's, compiled, with its counter")
def model_averaged(files):
    weights = {f"module._orig_mod.{name}": tensor for name, tensor in _loaded(files).items()}
    return model_file({**weights, "n_averaged": torch.tensor(3)})


@accepted_file("supervised.pth", "supervised.model_pickled_whole", "the whole module, pickled in a script or notebook")
def model_pickled_whole(files):
    net = resnet.SmallResNet()
    net.load_state_dict(_loaded(files))
    main, before = sys.modules["__main__"], {}
    for kind in (resnet.SmallResNet, resnet.BasicBlock):
        before[kind], kind.__module__ = kind.__module__, "__main__"  # where a notebook defines it
        setattr(main, kind.__name__, kind)
    try:
        return model_file(net)
    finally:
        for kind, module in before.items():
            kind.__module__ = module
            delattr(main, kind.__name__)


@accepted_file(
    "history.json", "supervised.history_with_more", "more curves, whole numbers, one epoch, a byte order mark"
)
def history_with_more(files):
    histories = json.loads(files["history.json"])
    curves = {"train_loss": [2], "train_accuracy": [0], "val_loss": [1e-3], "val_accuracy": [1], "lr": [0.1, 0.2]}
    return json.dumps(histories | {"supervised": curves, "seconds": 12}).encode("utf-8-sig")


@accepted_file("history.json", "supervised.history_in_percent", "accuracies of both networks in percent")
def history_in_percent(files):
    histories = json.loads(files["history.json"])
    for curves in histories.values():
        curves |= {name: [100 * x for x in curve] for name, curve in curves.items() if name.endswith("accuracy")}
    return json.dumps(histories).encode()
