"""Many runs: each policy with each seed, in several processes."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from signal import SIG_IGN, SIGINT, signal
from threading import Thread
from typing import Protocol

from msgspec import Struct

from cloud_service.simulation.estimates import Estimate, estimate
from cloud_service.simulation.figures import Figures
from cloud_service.simulation.policies import Policy
from cloud_service.simulation.scenario import Conditions, Scenario
from cloud_service.simulation.world import simulate


class Demand(Protocol):
    """Where scenarios come from. Instances go to other processes."""

    def scenario(self, seed: int) -> Scenario:
        """Makes the scenario of a seed, always the same."""


class Plan(Struct, frozen=True):
    """What to run: every policy meets the same scenarios."""

    demand: Demand
    policies: tuple[Policy, ...]
    seeds: tuple[int, ...]
    conditions: Conditions


class Run(Struct, frozen=True):
    """A run and its figures."""

    policy: str
    seed: int
    figures: Figures


def run_all(plan: Plan, processes: int, on_run: Callable[[], None]) -> list[Run]:
    """Makes all runs; `on_run` is called after each. They come by policy, then by seed."""
    tasks = [(policy, seed) for policy in plan.policies for seed in plan.seeds]
    if processes == 1:
        return [_noted(_run(plan, policy, seed), on_run) for policy, seed in tasks]
    with _workers(min(processes, len(tasks))) as pool:
        futures = [pool.submit(_run, plan, policy, seed) for policy, seed in tasks]
        for future in as_completed(futures):
            future.result()
            on_run()
        return [future.result() for future in futures]


def _noted(run: Run, on_run: Callable[[], None]) -> Run:
    on_run()
    return run


def _run(plan: Plan, policy: Policy, seed: int) -> Run:
    return Run(policy.name, seed, simulate(plan.demand.scenario(seed), policy, plan.conditions))


@contextmanager
def _workers(processes: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that end with the context: after an error at once, in the midst of their runs.

    They are new ones, because a progress bar has a thread in this one. They also end when this one is killed.
    """
    context = get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    with receiver, sender:
        pool = ProcessPoolExecutor(processes, context, initializer=_end_with, initargs=(receiver,))
        try:
            yield pool
        except BaseException:
            sender.close()
            raise
        finally:
            pool.shutdown(cancel_futures=True)


def _end_with(parent: Connection) -> None:
    """Lets this process end when the other end of a connection is closed, and not by Ctrl-C."""
    signal(SIGINT, SIG_IGN)

    def wait() -> None:
        parent.poll(None)
        os._exit(1)

    Thread(target=wait, daemon=True).start()


def difference(
    runs: Sequence[Run], others: Sequence[Run], read: Callable[[Figures], float | None]
) -> Estimate | None:
    """By how much a figure differs from that of other runs with the same seeds, in their order.

    Its interval is narrower than those of both figures: what the people of a seed do is the same in both.
    """
    pairs = [(read(run.figures), read(other.figures)) for run, other in zip(runs, others, strict=True)]
    return estimate([None if one is None or other is None else one - other for one, other in pairs])


def by_policy(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """The runs of each policy, in the order in which the policies come first."""
    grouped: dict[str, list[Run]] = {}
    for run in runs:
        grouped.setdefault(run.policy, []).append(run)
    return grouped
