"""Workers of Ray Data that make files of lists: a row of the data set is the number of a file.

The tables of a model are mapped from its folder, so that workers on one machine share them in the
page cache, and a worker that takes the place of one that died has them at once. What the kernels
make of them, the packed item table, is broadcast once through the object store, where all workers
of a machine read the same copy. A machine that does not see the folder of the model gets its files
through the object store too, and one that does not see that of the lists sends finished ones back.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fullrank import native
from fullrank.errors import DataError, SettingError
from fullrank.extras import library
from fullrank.recommender import Recommender
from fullrank.scale.cluster import WHERE, cluster
from fullrank.scale.scoring import Made, Workers, fingerprint
from fullrank.scale.scoring_folder import Job
from fullrank.scale.scoring_worker import Row, Task, Worker, result_of
from fullrank.serving.model_files import MANIFEST, read_manifest
from fullrank.serving.scorers import DotScorer, ItemScorer, Scorer

RETRIES = 3
"""Times a file is begun again after its worker died."""
BLAS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Variables by which the libraries of dense products know their threads."""


def workers(
    model: Recommender,
    folder: Path,
    count: int,
    *,
    retries: int = RETRIES,
    say: Callable[[str], None] | None = None,
) -> Workers:
    """What makes the files by so many processes; the cores are divided among them.

    The lists have the bits of those of one process. The kernels and the sums over a history round
    alike whatever the threads. A dense product of a BLAS does not: for the methods that rank by one
    each worker has the threads of this process, more than its share of the cores.

    Args:
        model: What lists are made with.
        folder: Where it lies.
        count: Number of workers.
        retries: Times a file is begun again after its worker died.
        say: Receives a line for each worker that took the place of one that died.

    Raises:
        SettingError: Ray is not installed, or the cluster has too few processors.
        DataError: workers die again and again.
    """
    library("ray", WHERE)  # before there is a folder

    def made(job: Job, numbers: list[int]) -> Made:
        with cluster(count) as ray:
            yield from _run(ray, replace(job, out=job.out.absolute()), numbers)

    def _run(ray: Any, job: Job, numbers: list[int]) -> Made:
        share = _share(ray, count)
        steady = is_steady(model.scorer)
        task = Task(
            job,
            folder.absolute(),
            fingerprint(folder),
            share if steady else torch.get_num_threads(),
            _panels(ray, model.scorer),
            _files(ray, folder),
        )
        how: dict[str, Any] = {"num_cpus": share}
        if not steady:  # else Ray gives a BLAS the threads of the share
            how["runtime_env"] = {"env_vars": blas_threads()}
        pool = Pool(min(count, len(numbers)), retries, how)
        for row in pool.rows(ray, task, numbers):
            if row["replaced"] and say is not None:
                say("a worker died; another has taken its place and begun its users again")
            yield result_of(job, row)

    return made


def is_steady(scorer: Scorer) -> bool:
    """Whether scores have the same bits however many threads make them and for whomever else."""
    if isinstance(scorer, DotScorer):
        return scorer.on_cpu and native.available()
    return isinstance(scorer, ItemScorer)  # SciPy sums a user's rows one after another


def blas_threads() -> dict[str, str]:
    """The variables that give another process the threads that a BLAS has in this one."""
    own = {name: os.environ[name] for name in BLAS if name in os.environ}
    return {BLAS[0]: str(native.cores())} | own  # else Ray sets it


@dataclass(frozen=True)
class Pool:
    """How many workers there are, and what each has."""

    size: int
    retries: int
    how: Mapping[str, Any]

    def rows(self, ray: Any, task: Task, numbers: list[int]) -> Iterator[Row]:
        """The rows that workers return, each as soon as it is there.

        Raises:
            DataError: workers die again and again.
        """
        try:
            made = self._lists(task, numbers).iter_batches(
                batch_size=None, batch_format="numpy", prefetch_batches=0
            )
            for batch in made:
                yield {name: values[0] for name, values in batch.items()}
        except ray.exceptions.RayError as error:
            if not _died(ray, error):
                raise
            times = "" if not self.retries else f" {self.retries + 1} times"
            found = f"one that died{times} at the same users"
            raise DataError("workers", found, "memory for all of them, or fewer workers") from None

    def _lists(self, task: Task, numbers: list[int]) -> Any:
        """A data set of the numbers of files, mapped by the workers."""
        import ray.data as of_ray

        context = of_ray.DataContext.get_current()
        context.enable_progress_bars = context.print_on_execution_start = False
        logging.getLogger("ray.data").setLevel(logging.CRITICAL)
        rows = [{"number": each} for each in numbers]  # a row a block, so that none waits
        workers = of_ray.ActorPoolStrategy(size=self.size, max_tasks_in_flight_per_actor=1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the retries, which no named argument sets
            return of_ray.from_items(rows, override_num_blocks=len(rows)).map_batches(
                Worker,
                batch_size=None,
                batch_format="numpy",
                compute=workers,
                fn_constructor_args=(task,),
                max_task_retries=self.retries,
                **self.how,
            )


def _died(ray: Any, error: BaseException | None) -> bool:
    kinds = (ray.exceptions.RayActorError, ray.exceptions.WorkerCrashedError)
    while error is not None:
        if isinstance(error, kinds):
            return True
        error = error.__cause__
    return False


def _share(ray: Any, count: int) -> int:
    """Processors of each worker: its share of all, and no more than one machine has.

    Raises:
        SettingError: there are fewer than workers.
    """
    each = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
    if sum(each) < count:
        found = f"{count} for a cluster of {sum(each)} processors"
        raise SettingError(WHERE, found, "at most one a processor")
    return max(1, min(sum(each) // count, max(each)))


def _panels(ray: Any, scorer: Scorer) -> Any:
    """The packed item table in the object store, where the kernels rank by one."""
    if not (isinstance(scorer, DotScorer) and is_steady(scorer)):
        return None
    packed = scorer.packed_items()
    return ray.put((packed.width, packed.panels))


def _files(ray: Any, folder: Path) -> dict[str, Any]:
    """The files of a model in the object store, where there is more than one machine."""
    if sum(node["Alive"] for node in ray.nodes()) == 1:
        return {}
    names = [entry["file"] for entry in read_manifest(folder)["files"].values()]
    return {name: ray.put(np.fromfile(folder / name, np.uint8)) for name in (MANIFEST, *names)}
