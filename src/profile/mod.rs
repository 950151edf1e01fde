//! What each cluster looks like, in the user's units: sizes and shares; per column the count, mean, spread, range,
//! quartiles, lift and index of every cluster; each cluster's share of the value; figures that follow from two columns;
//! the values of text columns; and which part of a whole goes where.
//!
//! The figures come from the raw columns by label, read once more from the source, never from centroids turned back
//! (expm1 of a mean of logs is not the mean). Every sum is the exact sum of the f64 values as they stand in the file,
//! and every quartile is a value of the file or lies between two, so chunks, threads and file layout cannot change a
//! digit. This room knows no persona and judges nothing; it reads no more columns than it describes, and a text is
//! counted, never kept by itself.

mod categories;
mod column;
mod cut;
mod derived;
mod describe;
mod exact;
mod few;
mod figures;
mod map;
mod mix;
mod plan;
mod quartiles;
mod rows;
mod values;

pub use categories::{CategoryCount, CategoryFigures, CategoryProfile, OtherCount};
pub use column::{ColumnSums, DROPPED};
pub use derived::{DerivedFigures, DerivedProfile};
pub use describe::{describe, describe_and_keep};
pub use figures::{ClusterFigures, ClusterProfile, ColumnProfile, ColumnUse, Moments, Profile, value_shares};
pub use map::{Axis, MAP_POINTS_MAX, Map, MapPoint};
pub use mix::{MixFigures, MixOutcome, MixProfile, NO_PREFERENCE};
pub use plan::{check_columns, numeric_columns};
pub use quartiles::Quartiles;
