"""segmint beside its peers, in one run on one machine.

    python -m venv ~/peers && ~/peers/bin/pip install -r benches/peers/requirements.txt
    cargo build --release --locked
    ~/peers/bin/python benches/peers/compare.py target/release/segmint

Every round measures each contender once, in an order that rotates from round to round, each in a process of its own, so
that whatever else the machine does falls on all of them. Four questions:

step   one Lloyd iteration over all rows, on the same file and from the same rows. Peers: the slope between fits of 5 and
       20 iterations, and whole / 20. segmint, with `segmint bench --what step`: the mean over iterations 6 to 20, and
       over all 20, the first one from nothing included.
sweep  the nightly job: Parquet to published labels for the best of k = 2..10 by Davies-Bouldin, ten restarts each.
       Measured as the job is.
read   A Parquet file into memory. Peers: Polars and pandas, the first read of a process, into a dataframe. segmint: the
       stage `read` of a job, which is to the grid: moments, scaling and rounding included.
job    Parquet to published labels. Peers: seconds inside the process from reading to the written file, imports left
       out. segmint: the whole process, start to exit, with the whole run folder written and synced.

Every repeat is kept, with versions, CPU and what the thread pools say of themselves, in one JSON file.
"""

import argparse
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import customers
import peers
import read

HERE = pathlib.Path(__file__).resolve().parent
JOB = """
[source]
path = "{data}"
id = "customer_id"
{features}
[cluster]
{clusters}
n_init = {n_init}
max_iter = {max_iter}
tol = {tol}
seed = 42

[engine]
device = "{device}"
threads = {threads}

[output]
path = "{output}"
"""


def run(command):
    """stdout of a command and the seconds its process took; a failure ends the comparison."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
    begin = time.perf_counter()
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, env=environment)
    seconds = time.perf_counter() - begin
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} ended with {done.returncode}\n{done.stderr[-2000:]}")
    return done.stdout, seconds


def segmint_step(a, work):
    out, _ = run([
        a.segmint, "bench", "--what", "step", "--data", work / "data.parquet", "--id", "customer_id", "--k", a.k,
        "--device", a.device, "--threads", a.threads, "--output", "json",
    ])
    result = next(r for r in json.loads(out)["results"] if r.get("models", 1) == 1)
    return {"contender": "segmint", "slope_ms": [result["later_ms"]], "whole_ms": [result["median_ms"]], "raw": result}


def segmint_job(a, work, clusters=None):
    output = work / "run"
    clusters = clusters or f"k = {a.k}"
    shutil.rmtree(output, ignore_errors=True)
    job = work / "job.toml"
    features = "".join(f'\n[[feature]]\ncolumn = "{name}"\n' for name in a.columns[1:])
    job.write_text(JOB.format(**(vars(a) | {"data": work / "data.parquet", "output": output, "features": features, "clusters": clusters})))
    _, seconds = run([a.segmint, "run", job])
    summary = json.loads((output / "summary.json").read_text())
    record = json.loads((output / "run.json").read_text())
    return {
        "contender": "segmint", "seconds": seconds, "k": summary["k"], "inertia": summary["inertia"],
        "iterations": summary["iterations"], "selection": [[one["k"], one["inertia"]] for one in summary["selection"]],
        "record": {key: record[key] for key in ("device", "engine", "stages", "counters", "peak_resident_bytes")},
    }


def segmint_sweep(a, work):
    lowest, highest = a.k_range
    return segmint_job(a, work, f'k = "{lowest}..{highest}"\ncriterion = "davies-bouldin"\nstability = 0')


def segmint_read(a, work):
    result = segmint_job(a, work)
    stage = next(stage for stage in result["record"]["stages"] if stage["stage"] == "read")
    return {"contender": "segmint", "seconds": stage["milliseconds"] / 1e3, "record": result["record"]}


def peer_read(library):
    def measure(a, work):
        command = [sys.executable, HERE / "read.py", library, work / "data.parquet", "--threads", a.threads, "--columns"]
        return json.loads(run(command + a.columns)[0])

    return measure


def peer_step(peer):
    def measure(a, work):
        command = [sys.executable, HERE / "step.py", peer, work / "data.parquet", "--features", a.features, "--k", a.k]
        return json.loads(run(command + ["--threads", a.threads])[0])

    return measure


def peer_job(peer):
    return lambda a, work: peer_fits(peer, a, work, [a.k, a.k])


def peer_sweep(peer):
    return lambda a, work: peer_fits(peer, a, work, a.k_range)


def peer_fits(peer, a, work, k_range):
    command = [sys.executable, HERE / "job.py", peer, work / "data.parquet", work / "labels.parquet"]
    command += ["--features", a.features, "--k-range", *k_range, "--n-init", a.n_init, "--tol", a.tol]
    command += ["--max-iter", a.max_iter]
    out, process = run(command + ["--threads", a.threads])
    return json.loads(out) | {"process_seconds": process}


def contenders(what, chosen):
    measured = {"step": (segmint_step, peer_step), "job": (segmint_job, peer_job), "sweep": (segmint_sweep, peer_sweep)}
    if what == "read":
        return [("segmint", segmint_read)] + [(library, peer_read(library)) for library in read.LIBRARIES]
    ours, theirs = measured[what]
    named = [(peer, theirs(peer)) for peer in chosen if what == "step" or not peer.startswith("faiss")]
    return [("segmint", ours)] + named


def figure(what, result):
    """What a repeat is judged by, in milliseconds."""
    return statistics.median(result["slope_ms"]) if what == "step" else result["seconds"] * 1e3


def machine():
    info = {"system": platform.platform(), "cores": os.cpu_count(), "cpu": platform.processor()}
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        fields = dict(line.split(":", 1) for line in lines if ":" in line)
        info["cpu"] = {k.strip(): v.strip() for k, v in fields.items()}.get("model name", info["cpu"])
        info["load"] = os.getloadavg()
    except OSError:
        pass
    return info


def compare(a, what, work):
    field = contenders(what, a.peers)
    repeats = {name: [] for name, _ in field}
    for round_number in range(a.rounds):
        turn = round_number % len(field)
        for name, measure in field[turn:] + field[:turn]:
            result = measure(a, work)
            repeats[name].append(result)
            print(f"{what} round {round_number + 1} {name}: {figure(what, result):.2f} ms", file=sys.stderr)
    medians = {name: statistics.median(figure(what, r) for r in results) for name, results in repeats.items()}
    best = {name: min(figure(what, r) for r in results) for name, results in repeats.items()}
    whole = {}
    if what == "step":
        whole = {name: statistics.median(ms for r in results for ms in r["whole_ms"]) for name, results in repeats.items()}
    return {
        "what": what, "rows": a.rows, "features": a.features, "k": a.k, "n_init": a.n_init, "tol": a.tol,
        "max_iter": a.max_iter, "compression": a.compression,
        "threads": a.threads, "device": a.device, "median_ms": medians, "best_ms": best, "median_whole_ms": whole,
        "times_segmint": {name: medians[name] / medians["segmint"] for name in medians}, "repeats": repeats,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("segmint", help="the release binary")
    parser.add_argument("--what", nargs="+", default=["step", "job"], choices=["step", "job", "sweep", "read"])
    parser.add_argument("--peers", nargs="+", default=list(peers.PEERS), choices=peers.PEERS)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--features", type=int, default=10)
    parser.add_argument("--k", type=int, default=5)
    parser.add_argument("--k-range", type=int, nargs=2, default=[2, 10])
    parser.add_argument("--n-init", type=int, default=10)
    parser.add_argument("--tol", type=float, default=1e-4)
    parser.add_argument("--max-iter", type=int, default=300)
    parser.add_argument("--compression", default="zstd", choices=["zstd", "snappy"], help="of the Parquet file")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--results", type=pathlib.Path, default=HERE.parent / "results")
    a = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        a.columns = customers.write(work / "data.parquet", a.rows, a.features, a.k, a.compression)
        results = [compare(a, what, work) for what in a.what]
    version = run([a.segmint, "--version"])[0].strip()
    record = {
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "segmint": version, "machine": machine(),
        "results": results,
    }
    a.results.mkdir(parents=True, exist_ok=True)
    name = f"{time.strftime('%Y-%m-%d', time.gmtime())}-{'-'.join(a.what)}-n{a.rows}-d{a.features}-k{a.k}.json"
    (a.results / name).write_text(json.dumps(record, indent=1) + "\n")
    for result in results:
        print(f"{result['what']}: {a.rows} x {a.features}, k = {a.k}, {a.threads} threads; median of {a.rounds} rounds")
        for contender, value in sorted(result["median_ms"].items(), key=lambda item: item[1]):
            whole = result["median_whole_ms"].get(contender)
            beside = f"   (whole fit / 20: {whole:.2f} ms)" if whole and contender != "segmint" else ""
            print(f"  {contender:15} {value:10.2f} ms   {result['times_segmint'][contender]:6.1f} x segmint's time{beside}")
    print(a.results / name)


if __name__ == "__main__":
    main()
