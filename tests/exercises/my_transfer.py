import torch

LAYERS = {"conv1_1": 0.3, "conv2_1": 0.25, "conv3_1": 0.2, "conv4_1": 0.15, "conv5_1": 0.1}
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)


def features(image, model):
    found = {}
    for name, module in model.named_children():
        image = module(image)
        found[name.replace("relu", "conv")] = image  # the ReLU comes last, and stays
    return found


def gram(response):
    rows = response.flatten(2)
    return rows @ rows.mT


def error(ours, theirs):
    return (ours - theirs).square().sum() / theirs.square().sum()


def variation(image):
    pixels = image * STD
    return pixels.diff(dim=2).square().mean() + pixels.diff(dim=3).square().mean()


def transfer(content, style, image, model, steps):
    photograph, painting = features(content, model), features(style, model)
    image = image.clone().requires_grad_()
    optimizer = torch.optim.Adam([image], lr=0.22, betas=(0.9, 0.99))
    for _ in range(steps):
        optimizer.zero_grad()
        ours = features(image, model)
        loss = error(ours["conv4_2"], photograph["conv4_2"]) + 2 * variation(image)
        for name, weight in LAYERS.items():
            loss = loss + 100 * weight * error(gram(ours[name]), gram(painting[name]))
        loss.backward()
        optimizer.step()
        image.data.clamp_((0 - MEAN) / STD, (1 - MEAN) / STD)
    return image.detach()
