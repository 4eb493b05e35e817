import csv, json, torch
from safetensors.torch import load_file
about = json.load(open("files/NET.json"))
net = torch.nn.Sequential()
for name, inputs, outputs in about["layers"]:
    net.add_module(name, torch.nn.Linear(inputs, outputs))
    net.add_module(f"after_{name}", torch.nn.Identity() if name == "logits" else torch.nn.ReLU())
net.load_state_dict(load_file("files/NET.safetensors"))
