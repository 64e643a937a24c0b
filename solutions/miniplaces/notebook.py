"""The cells of pictures in the students' notebook: each stands after the cell of a function, and shows what it does.

Runs as a whole too, beside the solutions. Random weights and pictures stand in for what has to be downloaded.
"""

import matplotlib.pyplot as plt
import torch
from cam import generate_featuremap_CAM
from fashion import BATCH_SIZE, CLASSES, MyNet, create_optimizer, evaluate, get_prediction, train
from filters import OTHER_LAYER, visualize_filters
from torchvision.models import resnet18, resnet50
from units import deactivate_unit_activations, generate_featuremap_unit, remove_last_layers, top_units


def shown(values):
    """A tensor or an array as matplotlib wants it."""
    return torch.as_tensor(values).detach().cpu().numpy()


# %% after visualize_filters
# Random filters; look at those of `load_places365(path)` once you have it.
network = resnet50(weights=None)
for name in ("conv1", OTHER_LAYER):
    pictures = visualize_filters(network.get_submodule(name).weight[:16], 32)
    figure, axes = plt.subplots(2, 8, figsize=(8, 2.3))
    for axis, filter_image in zip(axes.flat, pictures, strict=True):
        axis.imshow(shown(filter_image), cmap="gray")
        axis.axis("off")
    figure.suptitle(f"filters of {name}")

# %% after generate_featuremap_unit
# A picture of noise; `load_image("my_scene.jpg")` gives one of yours.
model = resnet18(weights=None).eval()
image = torch.randn(3, 96, 96)
plt.figure(figsize=(3, 3))
plt.imshow(shown(generate_featuremap_unit(remove_last_layers(model), 7, image)))
plt.title("unit 7")
plt.axis("off")

# %% after top_units
logits = model(image[None])[0].detach()
best = int(logits.argmax())
silenced = deactivate_unit_activations(model, image, top_units(model, best))
print(f"class {best}: {float(logits[best]):.3f}, and without its 5 most important units {float(silenced[best]):.3f}")

# %% after generate_featuremap_CAM
model = resnet18(weights=None).eval()
image = torch.randn(3, 96, 96)
plt.figure(figsize=(3, 3))
plt.imshow(shown(generate_featuremap_CAM(model, 0, image)))
plt.title("evidence for class 0")
plt.axis("off")

# %% after create_optimizer
# One epoch on random images: it learns nothing, and shows that everything fits together.
pictures, labels = torch.rand(BATCH_SIZE, 1, 28, 28) * 2 - 1, torch.randint(10, (BATCH_SIZE,))
batches = [(pictures[:96], labels[:96]), (pictures[96:], labels[96:])]
small = MyNet()
print("loss, accuracy:", train(batches, small, create_optimizer(small, 1e-3), 0), "right:", evaluate(batches, small))
print("predicted:", [CLASSES[int(number)] for number in get_prediction(pictures[:4], small)])
