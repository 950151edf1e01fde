//! The profile from outside: Parquet, labels and weights in; figures in the user's units out, and names from them.

mod figures;
mod invariance;
mod planted;
mod real_customers;
#[allow(dead_code)] // the load path's tests use the rest
#[path = "../load/table.rs"]
mod table;
