"""The examples of docs/cluster.md do what the page says: a cluster on this machine, and job scripts of SLURM and PBS."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import bench

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"
MODEL = '''
"""A linear model of images with nine pixels."""
from support.tiny import Linear

def build():
    return Linear()
'''


def environment() -> dict[str, str]:
    """This interpreter's commands first, and the modules of the tests for the workers."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    modules = os.pathsep.join([str(Path(__file__).parents[1]), str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    return os.environ | {"PATH": path, "PYTHONPATH": modules, "BENCH_WORKERS": "", "BENCH_SCHEDULER": ""}


@pytest.fixture
def job(tmp_path: Path) -> list[str]:
    """A job of a second: four images of two classes, in a folder, and a model in a file."""
    from PIL import Image

    for shade, name in enumerate(("dark", "light")):
        (tmp_path / "images" / name).mkdir(parents=True)
        for number in range(2):
            picture = Image.new("L", (3, 3), 60 + 120 * shade + number)
            picture.save(tmp_path / "images" / name / f"{number}.png")
    (tmp_path / "model.py").write_text(MODEL)
    model, data = f"{tmp_path / 'model.py'}::build", f"folder:{tmp_path / 'images'}"
    return ["--model", model, "--data", data, "--attack", "fgsm", "--eps", "0.1", "--out", str(tmp_path / "records")]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_local_cluster_evaluates(job: list[str], tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    command = ["bash", str(EXAMPLES / "local_cluster.sh"), *job]
    ended = subprocess.run(command, env=environment(), cwd=tmp_path, capture_output=True, text=True, timeout=500)
    assert ended.returncode == 0, ended.stderr
    assert "The scheduler is at tcp://127.0.0.1:" in ended.stderr
    (folder,) = (tmp_path / "records").glob("[!.]*")
    record = bench.read_record(folder)
    assert len(record.rows) == 4 and record.machines[0].endswith("1 threads")


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("system", "line"), [("slurm", "#SBATCH --cpus-per-task=3"), ("pbs", "#PBS -l select=1:ncpus=3")])
def test_a_job_script_is_shown_without_a_queue(system: str, line: str, tmp_path: Path) -> None:
    pytest.importorskip("dask_jobqueue")
    options = ["--cores", "3", "--memory", "6GB", "--queue", "normal", "--script"]
    command = [sys.executable, str(EXAMPLES / "queue_cluster.py"), system, *options]
    ended = subprocess.run(command, env=environment(), cwd=tmp_path, capture_output=True, text=True, timeout=200)
    assert ended.returncode == 0, ended.stderr
    assert line in ended.stdout and "--nworkers 3" in ended.stdout and "--nthreads 1" in ended.stdout
    assert "export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE" in ended.stdout


def test_the_page_names_the_examples() -> None:
    page = (EXAMPLES.parent / "cluster.md").read_text(encoding="utf-8")
    for example in EXAMPLES.iterdir():
        assert f"docs/examples/{example.name}" in page
