"""Measures how hard a set in idx format is, and draws a sheet of its first images.

    cargo run --release -p espalier-data --example export -- FOLDER
    pip install numpy scikit-learn pillow
    python3 crates/data/scripts/glyph_difficulty.py FOLDER [sheet.png]

Trains on the first 50,000 images: a softmax regression (L-BFGS to convergence or 200
iterations) and a net of one hidden layer of 256 ReLU units (Adam, 20 epochs of batches of
128); prints the accuracy of each on the 10,000 test images.
"""

import sys
import warnings

import numpy as np
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

warnings.filterwarnings("ignore")
folder = sys.argv[1]


def read(name, header):
    return np.fromfile(f"{folder}/{name}", dtype=np.uint8)[header:]


def split(name):
    images = read(f"{name}-images-idx3-ubyte", 16).reshape(-1, 784)
    return images, read(f"{name}-labels-idx1-ubyte", 8)


train, train_labels = split("train")
test, test_labels = split("t10k")
if len(sys.argv) > 2:
    rows = [train[train_labels == digit][:24].reshape(24, 28, 28) for digit in range(10)]
    sheet = np.concatenate([np.concatenate(list(row), axis=1) for row in rows])
    Image.fromarray(sheet).resize((sheet.shape[1] * 2, sheet.shape[0] * 2), Image.NEAREST).save(sys.argv[2])
x = (train[:50000] / 255 - 0.1307).astype(np.float32) / 0.3081
y = train_labels[:50000]
t = (test / 255 - 0.1307).astype(np.float32) / 0.3081
net = MLPClassifier((256,), batch_size=128, max_iter=20, alpha=0.0, random_state=0).fit(x, y)
print(f"256 ReLU units: test {net.score(t, test_labels):.4f}, train {net.score(x, y):.4f}", flush=True)
linear = LogisticRegression(C=1.0, max_iter=200).fit(x, y)
print(f"softmax regression: test {linear.score(t, test_labels):.4f}, train {linear.score(x, y):.4f}")
