# CS280, Ines and Jonas. ResNet for 32x32 images, as small as we could make it without losing much.
import torch.nn as nn
import torch.nn.functional as F


class BasicBlock(nn.Module):
    def __init__(self, n_in, n_out, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, kernel_size=3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(n_out)
        if stride == 1 and n_in == n_out:
            self.downsample = nn.Identity()
        else:
            self.downsample = nn.Sequential(nn.Conv2d(n_in, n_out, 1, stride=stride, bias=False), nn.BatchNorm2d(n_out))

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += self.downsample(x)
        return F.relu(out)


class SmallResNet(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 24, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(24)
        self.layer1 = nn.Sequential(BasicBlock(24, 24))
        self.layer2 = nn.Sequential(BasicBlock(24, 48, stride=2))
        self.layer3 = nn.Sequential(BasicBlock(48, 96, stride=2))
        self.layer4 = nn.Sequential(BasicBlock(96, 128))
        self.fc = nn.Linear(128, num_classes)

    def feature_maps(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x)
        return x

    def features(self, x):
        return self.feature_maps(x).mean(dim=(2, 3))

    def forward(self, x):
        return self.fc(self.features(x))


if __name__ == "__main__":
    net = SmallResNet()
    print(sum(p.numel() for p in net.parameters()), "parameters")
