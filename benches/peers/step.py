"""One Lloyd iteration of a peer: fits of 5 and of 20 iterations from the same centroids, each timed whole.

The slope, (t20 - t5) / 15, is the iteration alone; t20 / 20 holds the fixed cost of a fit too (validation, copies, the
last labelling). Data is read and scaled outside the timed part. Prints one JSON object.
"""

import argparse
import json
import time

import peers
import numpy as np
import pandas as pd

FEW, MANY = 5, 20


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer", choices=peers.PEERS)
    parser.add_argument("data", help="a Parquet file; its first column is the id")
    parser.add_argument("--features", type=int, default=10)
    parser.add_argument("--k", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=1)
    arguments = parser.parse_args()
    library, dtype = peers.parse(arguments.peer)

    table = pd.read_parquet(arguments.data)
    x = table.iloc[:, 1 : 1 + arguments.features].to_numpy(np.float64)
    assert x.shape[1] == arguments.features, "the file has fewer features"
    spread = x.std(axis=0)
    x = (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    # Rows spread evenly over the table, the same ones that `segmint bench` starts from.
    start = x[[(2 * cluster + 1) * len(x) // (2 * arguments.k) for cluster in range(arguments.k)]]
    x, start = np.ascontiguousarray(x, dtype), np.ascontiguousarray(start, dtype)
    if library == "faiss":
        import faiss

        faiss.omp_set_num_threads(arguments.threads)

    seconds = {FEW: [], MANY: []}
    with peers.limit_threads(arguments.threads):
        peers.lloyd(library, x[:10_000], start, 2)  # imports, thread pools
        for _ in range(arguments.repeats):
            for iterations in (FEW, MANY):
                begin = time.perf_counter()
                done = peers.lloyd(library, x, start, iterations)
                seconds[iterations].append(time.perf_counter() - begin)
                if done != iterations:
                    raise SystemExit(f"{arguments.peer} converged after {done} iterations: the data is too easy")
        pools = peers.kernels()
    slope = [(many - few) / (MANY - FEW) * 1e3 for few, many in zip(seconds[FEW], seconds[MANY])]
    print(json.dumps({
        "contender": arguments.peer, "what": "step", "rows": len(x), "features": x.shape[1], "k": arguments.k,
        "threads": arguments.threads, "slope_ms": slope, "whole_ms": [t / MANY * 1e3 for t in seconds[MANY]],
        "fit_5_ms": [t * 1e3 for t in seconds[FEW]], "fit_20_ms": [t * 1e3 for t in seconds[MANY]],
        "versions": peers.versions(library), "pools": pools,
    }))


if __name__ == "__main__":
    main()
