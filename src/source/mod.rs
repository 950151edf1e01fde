//! Where rows come from: Parquet files, globs and folders, and generated customers.
//!
//! A [`Source`] is opened once: the files are put in the byte order of their paths, their footers are read and
//! checked, and their schemas must agree. After that rows can be scanned as often as wanted, always in the same order
//! and with the same bits: numbers as f64 of every numeric type, ids with the type they have. Memory is bounded by
//! the caller's setting, whatever the size of the row groups.
//!
//! This room refuses to judge: a null, a NaN or an infinity is handed on for `features` to decide about, and nothing
//! is dropped, filled in or reordered. It is the only room that knows how Parquet is read. What a malformed file
//! claims about itself is checked before it is believed, so that no file can make it panic, hang, or take more memory
//! than the limits below.

mod coded;
mod codes;
mod columns;
mod decode;
mod duplicates;
mod files;
mod fingerprint;
mod footer;
pub mod generate;
mod hybrid;
mod ids;
mod lean;
mod numbers;
mod open;
mod pages;
mod positioned;
mod pulled;
mod quiet;
mod scan;
mod texts;
mod thrift;
mod wave;

pub use coded::{Coded, Numbers, compact};
pub use columns::{ColumnInfo, ColumnKind};
pub use duplicates::{Rising, Uniqueness, check_unique};
pub use fingerprint::{FileFingerprint, SourceFingerprint};
pub use hybrid::{put_packed, put_run};
pub use ids::Ids;
pub use numbers::{NULL, is_null_value};
pub use open::Source;
pub use pulled::{Pulled, pulled};
pub use scan::{Batch, Request, ScanSettings};
pub use texts::Texts;

/// Largest magnitude a number may have. Squares and sums of squares of everything below stay finite.
pub const MAGNITUDE_MAX: f64 = 1e100;
