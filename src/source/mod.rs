//! Where rows come from: Parquet files, globs, folders, and generated customers.
