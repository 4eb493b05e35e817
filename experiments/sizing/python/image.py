image = about["image"]
mean, std = (torch.tensor([channel[what] for channel in image["channels"]]) for what in ("mean", "std"))
# pixels: (samples, height, width, channels), as the data set's files hold them
outputs = net(((torch.as_tensor(pixels) / image["divisor"] - mean) / std).flatten(1))
