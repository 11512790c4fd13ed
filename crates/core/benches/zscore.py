"""The peer of the rolling z-score: the same detector as people write it, over a window of 100 values."""

import random
import statistics
import time
from collections import deque


def naive(values, window=100, threshold=3.0):
    history = deque(maxlen=window)
    anomalies = 0
    for value in values:
        if len(history) >= 10:
            deviation = statistics.stdev(history)
            if deviation and abs(value - statistics.mean(history)) / deviation > threshold:
                anomalies += 1
        history.append(value)
    return anomalies


values = [random.random() for _ in range(3_000)]
start = time.perf_counter()
naive(values)
print(f"python, statistics over a window of 100: {(time.perf_counter() - start) / len(values) * 1e9:.0f} ns a value")
