//! The load path from outside: Parquet in, grid values out. What must not change a grid value (order, files, chunks,
//! memory, threads, offsets, units) is changed here, and the results are compared with `assert_eq!`.

#![allow(clippy::print_stdout)] // what was skipped is said

mod acceptance;
mod invariance;
mod refusals;
mod settings;
mod table;
