"""The peers behind one small interface: each fits k-means on a table of floats and gives labels.

Nothing here is timed by itself; `step.py` and `job.py` do that. A process measures one peer only, because
scikit-learn-intelex replaces parts of scikit-learn.
"""

import os

# A setting left in the environment would make OpenBLAS choose a slower kernel than it does by itself.
for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(name, None)

import numpy as np  # noqa: E402

PEERS = ("sklearn-f64", "sklearn-f32", "sklearnex-f64", "sklearnex-f32", "faiss-f32")


def parse(peer):
    """"sklearn-f64" -> ("sklearn", numpy.float64)."""
    library, _, width = peer.partition("-")
    return library, {"f64": np.float64, "f32": np.float32}[width]


def kmeans_class(library):
    if library == "sklearnex":
        from sklearnex.cluster import KMeans
    else:
        from sklearn.cluster import KMeans
    return KMeans


def limit_threads(threads):
    """Both the OpenMP and the BLAS pools; returns the limiter, which must stay alive."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(limits=threads)


def lloyd(library, x, start, iterations):
    """At most `iterations` Lloyd iterations from the centroids `start`, tol = 0; returns how many it took."""
    if library == "faiss":
        import faiss

        model = faiss.Kmeans(
            x.shape[1], len(start), niter=iterations, nredo=1, min_points_per_centroid=1,
            max_points_per_centroid=len(x), verbose=False,
        )
        model.train(x, init_centroids=start)
        return iterations
    model = kmeans_class(library)(
        n_clusters=len(start), init=start, n_init=1, max_iter=iterations, tol=0.0, algorithm="lloyd",
    )
    return int(model.fit(x).n_iter_)


def versions(library):
    import importlib.metadata as metadata
    import platform

    packages = {"sklearn": ["scikit-learn"], "sklearnex": ["scikit-learn", "scikit-learn-intelex"], "faiss": ["faiss-cpu"]}
    named = packages[library] + ["numpy", "pandas", "pyarrow"]
    return {"python": platform.python_version()} | {name: metadata.version(name) for name in named}


def kernels():
    """What the thread pools say of themselves: library, its version, the kernel it chose, threads."""
    from threadpoolctl import threadpool_info

    keys = ("internal_api", "version", "architecture", "num_threads")
    return [{key: pool.get(key) for key in keys} for pool in threadpool_info()]
