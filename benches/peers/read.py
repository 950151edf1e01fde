"""Reading the features and the id of a Parquet file into memory, as dataframe libraries do it.

Prints one JSON object: milliseconds of the first read in this process, and of those after it.
"""

import argparse
import json
import os
import time

LIBRARIES = ("polars", "pandas")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library", choices=LIBRARIES)
    parser.add_argument("data", help="a Parquet file; its first column is the id")
    parser.add_argument("--columns", nargs="+", required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=4)
    arguments = parser.parse_args()
    # Both pools are made when the library is first used.
    os.environ["POLARS_MAX_THREADS"] = str(arguments.threads)
    if arguments.library == "polars":
        import polars

        version = polars.__version__
        read = lambda: polars.read_parquet(arguments.data, columns=arguments.columns)  # noqa: E731
    else:
        import pandas
        import pyarrow

        pyarrow.set_cpu_count(arguments.threads)
        version = f"{pandas.__version__}, pyarrow {pyarrow.__version__}"
        read = lambda: pandas.read_parquet(arguments.data, columns=arguments.columns)  # noqa: E731
    milliseconds = []
    for _ in range(1 + arguments.repeats):
        begin = time.perf_counter()
        table = read()
        milliseconds.append((time.perf_counter() - begin) * 1e3)
    print(json.dumps({
        "contender": arguments.library, "what": "read", "rows": len(table), "version": version,
        "threads": arguments.threads, "first_ms": milliseconds[0], "again_ms": milliseconds[1:],
        "seconds": milliseconds[0] / 1e3,
    }))


if __name__ == "__main__":
    main()
