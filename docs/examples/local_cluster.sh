#!/usr/bin/env bash
# Starts a scheduler and two workers of one thread each on this machine, and evaluates on them.
# The arguments are those of bench evaluate:
#
#     bash docs/examples/local_cluster.sh --model zoo:snn_gsr --attack pgd --n 500
set -euo pipefail

export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE # for the workers: Dask counts threads, PyTorch would start its own
folder=$(mktemp -d)
stop() {
    kill $(jobs -p) 2>/dev/null || true
    wait || true
    rm -rf "$folder"
}
trap stop EXIT

# Port 0 is any free port; the scheduler writes its address into the file.
dask scheduler --host 127.0.0.1 --port 0 --no-dashboard --scheduler-file "$folder/scheduler.json" >"$folder/scheduler.log" 2>&1 &
dask worker --scheduler-file "$folder/scheduler.json" --nworkers 2 --nthreads 1 --memory-limit 0 --no-dashboard \
    --local-directory "$folder" >"$folder/workers.log" 2>&1 &

address=$(
    python - "$folder/scheduler.json" <<'EOF'
import sys

from distributed import Client

with Client(scheduler_file=sys.argv[1], timeout=60) as client:
    client.wait_for_workers(2, timeout=120)
    print(client.scheduler_info()["address"])
EOF
)
echo "The scheduler is at $address." >&2

bench evaluate --scheduler "$address" "$@"
