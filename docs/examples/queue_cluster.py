"""Starts a Dask scheduler here and its workers as jobs of SLURM or PBS, and prints the scheduler's address.

    python docs/examples/queue_cluster.py slurm --jobs 4 --cores 16 --memory 32GB --queue normal --account my_project
    python docs/examples/queue_cluster.py pbs --jobs 4 --cores 16 --memory 32GB
    python docs/examples/queue_cluster.py slurm --script          # only prints the job script; needs no SLURM

Run it on a machine that may submit jobs and that the compute nodes can reach; keep it running (tmux, screen) while
evaluations use it. Ctrl-C ends the scheduler and its jobs. Needs: pip install 'spikebench[cluster]'
"""

from __future__ import annotations

import argparse
import threading

from dask_jobqueue import PBSCluster, SLURMCluster
from dask_jobqueue.core import JobQueueCluster

SYSTEMS = {"slurm": SLURMCluster, "pbs": PBSCluster}

PROLOGUE = [
    # One thread for each worker: Dask counts threads, and PyTorch would start as many again in each of them.
    "export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE",
    # Whatever makes `python` on a node the one that has the suite, for example:
    # "module load python/3.11",
    # "source $HOME/spikebench/.venv/bin/activate",
]


def cluster_of(options: argparse.Namespace) -> JobQueueCluster:
    """A scheduler in this process, and the description of its jobs; none is submitted yet.

    A job has one node, ``cores`` workers of one thread each, and ``memory`` for all of them together.
    """
    return SYSTEMS[options.system](
        cores=options.cores,
        processes=options.cores,
        memory=options.memory,
        walltime=options.walltime,
        queue=options.queue,
        account=options.account,
        interface=options.interface,
        job_script_prologue=PROLOGUE,
        scheduler_options={"dashboard_address": None},
    )


def main() -> None:
    """Submit the jobs, wait for the first worker, print the address, and stay until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("system", choices=sorted(SYSTEMS))
    parser.add_argument("--jobs", type=int, default=1, help="how many jobs, of one node each")
    parser.add_argument("--cores", type=int, default=16, help="cores of a job, each a worker")
    parser.add_argument("--memory", default="32GB", help="of a job; 2 GB for each core is enough for the compact zoo")
    parser.add_argument("--walltime", default="04:00:00")
    parser.add_argument("--queue", help="queue or partition")
    parser.add_argument("--account", help="project that pays")
    parser.add_argument("--interface", help="network interface that the nodes share, for example ib0")
    parser.add_argument("--script", action="store_true", help="print the job script and end")
    options = parser.parse_args()
    with cluster_of(options) as cluster:
        if options.script:
            print(cluster.job_script())
            return
        cluster.scale(jobs=options.jobs)
        print("waiting for the first worker", flush=True)
        cluster.wait_for_workers(1)
        print(f"bench evaluate --scheduler {cluster.scheduler_address} ...", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("ending the jobs")


if __name__ == "__main__":
    main()
