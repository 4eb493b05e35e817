predicted = [about["classes"][place] for place in outputs.argmax(1)]
