//! Generated customers at any size, written as Parquet: the recipe (skewed features without groups) and planted groups
//! with their truth beside them.
//!
//! A row depends on (kind, seed, row number) alone. So any range of rows, in any layout, on any number of threads,
//! holds the same customers, and a table of ten million rows is written within the memory of a few row groups.

mod draws;
mod planted;
mod recipe;
mod table;
mod write;

pub use table::{Customer, customer};
pub use write::{Codec, Layout, Written, write};

/// What is generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nine features, no groups.
    Recipe,
    /// Ten features, five groups, and a text column `truth` that names each row's group.
    Planted,
}
