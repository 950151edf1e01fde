"""The main job as a data scientist writes it: Parquet in, StandardScaler, KMeans, labels and distances out as Parquet. Of
several k each is fitted, and the best by Davies-Bouldin written.

Prints one JSON object: seconds from reading to the written file, imports left out, and the inertia reached.
"""

import argparse
import json
import time

import peers
import numpy as np
import pandas as pd


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer", choices=[peer for peer in peers.PEERS if not peer.startswith("faiss")])
    parser.add_argument("data", help="a Parquet file; its first column is the id")
    parser.add_argument("output", help="the Parquet file to write")
    parser.add_argument("--features", type=int, default=10)
    parser.add_argument("--k-range", type=int, nargs=2, default=[5, 5])
    parser.add_argument("--n-init", type=int, default=10)
    parser.add_argument("--max-iter", type=int, default=300)
    parser.add_argument("--tol", type=float, default=1e-4)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    library, dtype = peers.parse(arguments.peer)
    kmeans = peers.kmeans_class(library)
    from sklearn.metrics import davies_bouldin_score
    from sklearn.preprocessing import StandardScaler

    with peers.limit_threads(arguments.threads):
        begin = time.perf_counter()
        table = pd.read_parquet(arguments.data)
        columns = table.columns[1 : 1 + arguments.features]
        x = StandardScaler().fit_transform(table[columns].to_numpy(np.float64)).astype(dtype, copy=False)
        read = time.perf_counter()
        lowest, highest = arguments.k_range
        models, scores = {}, {}
        for k in range(lowest, highest + 1):
            models[k] = kmeans(
                n_clusters=k, n_init=arguments.n_init, max_iter=arguments.max_iter, tol=arguments.tol,
                random_state=arguments.seed, algorithm="lloyd",
            ).fit(x)
            scores[k] = davies_bouldin_score(x, models[k].labels_) if lowest < highest else 0.0
        best = min(scores, key=scores.get)
        model = models[best]
        fitted = time.perf_counter()
        nearest = np.sqrt(((x - model.cluster_centers_[model.labels_]) ** 2).sum(axis=1))
        out = pd.DataFrame({
            table.columns[0]: table.iloc[:, 0], "cluster": model.labels_.astype(np.int32),
            "distance": nearest.astype(np.float64),
        })
        out.to_parquet(arguments.output, compression="zstd", index=False)
        end = time.perf_counter()
        pools = peers.kernels()
    print(json.dumps({
        "contender": arguments.peer, "what": "sweep" if lowest < highest else "job", "rows": len(x), "features": x.shape[1], "k": best,
        "n_init": arguments.n_init, "tol": arguments.tol, "threads": arguments.threads, "seconds": end - begin,
        "read_s": read - begin, "fit_s": fitted - read, "write_s": end - fitted, "inertia": float(model.inertia_),
        "iterations": int(model.n_iter_),
        "selection": [[k, float(models[k].inertia_), float(scores[k])] for k in models],
        "versions": peers.versions(library), "pools": pools,
    }))


if __name__ == "__main__":
    main()
