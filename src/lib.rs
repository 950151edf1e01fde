//! segmint mints customer segments: it streams customers from Parquet, clusters them on any GPU or on the CPU, and
//! names each cluster with a persona that the data supports.
//!
//! One idea carries it: the same customers give the same segments on every device, every night. Floating point only
//! filters; integers decide. `ARCHITECTURE.md` is the map of the rooms below.

pub mod cli;
pub mod engine;
pub mod error;
pub mod explain;
pub mod export;
pub mod features;
pub mod grid;
pub mod job;
pub mod kmeans;
pub mod observe;
pub mod persona;
pub mod pipeline;
pub mod profile;
pub mod quality;
pub mod report;
pub mod rules;
pub mod source;
pub mod spill;
pub mod store;
pub mod verify;
