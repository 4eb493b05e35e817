predicted = outputs[:, 0] * about["values"][0]["std"] + about["values"][0]["mean"]
