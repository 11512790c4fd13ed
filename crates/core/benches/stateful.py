"""Peers of the stateful controls, each as people write it: one process, one dictionary, nothing that outlives it. Prints
the microseconds of a permitted action, once the windows are filled; agents act in turn, every ten seconds each.

Beside them, where `pip install agent-safety-layer` was done, what that package has of them: a count of operations."""

import random
import statistics
import time
from collections import defaultdict

HOUR = 3600.0


class Limiter:
    """Actions and their value in the last hour, by agent."""

    def __init__(self):
        self.past = defaultdict(list)

    def act(self, agent, value, now):
        past = [entry for entry in self.past[agent] if now - entry[0] < HOUR]
        if len(past) >= 1_000_000 or sum(entry[1] for entry in past) + value > 1e12:
            raise RuntimeError("over the limit")
        past.append((now, value))
        self.past[agent] = past


class Breaker:
    """Consecutive failures, by agent."""

    def __init__(self):
        self.failures = defaultdict(int)
        self.opened = {}

    def act(self, agent, _value, now):
        opened = self.opened.get(agent)
        if opened is not None and now - opened < 60.0:
            raise RuntimeError("open")
        self.failures[agent] = 0


class Anomaly:
    """A z-score over the last hundred values, by agent."""

    def __init__(self):
        self.past = defaultdict(list)

    def act(self, agent, value, _now):
        past = self.past[agent]
        if len(past) >= 10:
            deviation = statistics.stdev(past)
            if deviation and abs(value - statistics.mean(past)) / deviation > 1e6:
                raise RuntimeError("unusual")
        past.append(value)
        del past[:-100]


class Budget:
    """A hundred budgets over the day, of all agents."""

    def __init__(self):
        self.spent = [defaultdict(float) for _ in range(100)]

    def act(self, _agent, value, now):
        day = int(now // 86_400)
        if any(spent[day] + value > 1e12 for spent in self.spent):
            raise RuntimeError("over the budget")
        for spent in self.spent:
            spent[day] += value


class Package:
    """`agent-safety-layer`: a count of operations, of all agents."""

    def __init__(self):
        from agent_safety_layer import ResourceBoundary, SafetyLayer

        self.layer = SafetyLayer(boundaries=[ResourceBoundary(max_operations=10**12)])

    def act(self, agent, value, _now):
        if not self.layer.check("order", {"agent": agent, "value": value}).allowed:
            raise RuntimeError("over the limit")


def measure(control, agents, each=120, measured=20_000):
    random.seed(1)
    now = 0.0
    for turn in range(agents * each):
        now += 10.0 / agents
        control.act(turn % agents, random.random(), now)
    taken = []
    for turn in range(measured):
        now += 10.0 / agents
        start = time.perf_counter_ns()
        control.act(turn % agents, random.random(), now)
        taken.append(time.perf_counter_ns() - start)
    taken.sort()
    return taken[len(taken) // 2] / 1000, taken[len(taken) * 99 // 100] / 1000


print("| in Python, 1000 agents | p50 | p99 |\n|---|---|---|")
for kind in (Limiter, Breaker, Anomaly, Budget, Package):
    try:
        p50, p99 = measure(kind(), 1000, 1 if kind is Budget else 120)
        print(f"| {kind.__doc__} | {p50:.1f} µs | {p99:.1f} µs |", flush=True)
    except ImportError as error:
        print(f"| NOT RUN: {error} | | |")
