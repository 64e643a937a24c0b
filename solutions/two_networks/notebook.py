"""The cells of pictures in the students' notebook: each stands after the cell of a function, and shows what it does.

Runs as a whole too, beside the solutions. Random weights and pictures stand in for what has to be downloaded.
"""

import matplotlib.pyplot as plt
import torch
from embedding import embed_2d, penultimate_features
from neighbours import nearest_neighbours
from resnet import SmallResNet
from rotation import extreme_examples, rotate_images, rotation_model
from supervised import best_epoch, create_optimizer, evaluate, train_epoch
from visualize import LAYERS, class_activation_map, filter_images


def shown(values):
    """A tensor or an array as matplotlib wants it."""
    return torch.as_tensor(values).detach().cpu().numpy()


# %% after SmallResNet
network = SmallResNet()
images = torch.randn(8, 3, 32, 32)
print(f"{sum(weight.numel() for weight in network.parameters()):,} parameters, allowed are 11,181,641")
print("maps", tuple(network.feature_maps(images).shape), "features", tuple(network.features(images).shape))

# %% after create_optimizer
# Three epochs on random images: they learn nothing, and show that everything fits together.
batches = [(images, torch.randint(10, (8,)))]
history = {"train_loss": [], "train_accuracy": [], "val_loss": [], "val_accuracy": []}
optimizer = create_optimizer(network, 0.01)
for _ in range(3):
    numbers = (*train_epoch(network, batches, optimizer), *evaluate(network, batches))
    for curve, number in zip(history.values(), numbers, strict=True):
        curve.append(number)
plt.figure(figsize=(4, 3))
plt.plot(history["train_loss"], label="training")
plt.plot(history["val_loss"], label="validation")
plt.axvline(best_epoch(history), linestyle=":")
plt.xlabel("epoch")
plt.ylabel("loss")
plt.legend()

# %% after rotate_images
picture = torch.linspace(0, 1, 32 * 32).reshape(1, 1, 32, 32)
turned, turns = rotate_images(picture)
figure, axes = plt.subplots(1, 4, figsize=(8, 2.3))
for axis, view, turn in zip(axes, turned, turns, strict=True):
    axis.imshow(shown(view[0]), cmap="gray")
    axis.set_title(f"label {int(turn)}")
    axis.axis("off")

# %% after extreme_examples
print("four logits:", tuple(rotation_model(SmallResNet())(images).shape))
print("easiest and hardest:", extreme_examples(torch.tensor([0.3, 2.0, 0.1, 0.7]), 2))

# %% after filter_images
for name in LAYERS:
    pictures = filter_images(network.get_submodule(name).weight.detach())[:16]
    figure, axes = plt.subplots(2, 8, figsize=(8, 2.3))
    for axis, filter_image in zip(axes.flat, pictures, strict=True):
        axis.imshow(shown(filter_image))
        axis.axis("off")
    figure.suptitle(f"filters of {name}")

# %% after class_activation_map
maps = network.feature_maps(images[:1])[0].detach()
plt.figure(figsize=(3, 3))
plt.imshow(shown(class_activation_map(maps, network.fc.weight.detach(), 0, 32)))
plt.title("evidence for class 0")
plt.axis("off")

# %% after embed_2d
features = penultimate_features(network, torch.randn(120, 3, 32, 32))
points = shown(embed_2d(features))
plt.figure(figsize=(4, 4))
plt.scatter(points[:, 0], points[:, 1], s=8)
plt.title("120 random images")

# %% after nearest_neighbours
print("nearest to the first three:", shown(nearest_neighbours(features[:3], features, 4)).tolist())
