//! Columns to numbers to grid values, and back again: missing values, transforms, exact moments, scaling, sample
//! weights, the choice of the step.
//!
//! [`load`] reads a source into a [`crate::grid::Matrix`] and says what was fitted on the way. Whatever is summed here
//! is summed exactly, and whatever is ranked is ranked by all its bits, so that chunks, files, row order and threads
//! change nothing. Each value is rounded to the grid once.
//!
//! This room refuses to guess: a value that is missing or outside of a transform's domain ends the run unless the job
//! says what to do about it. It knows no cluster and no device.

mod centre;
mod exact;
mod first_read;
mod fit;
mod id_like;
mod kept;
mod load;
mod model;
mod moments;
mod panels;
mod plan;
mod quartering;
mod rows;
mod sample_weight;
mod selection;
mod step;
mod stored;
mod tally;
mod transform;
mod visits;
mod wave;
mod ways;

pub use exact::ratio;
pub use id_like::id_like;
pub use load::{Loaded, RowCounts, count, load};
pub use model::{FeatureModel, FittedFeature};
pub use moments::extremes;
pub use selection::Quantile;
pub use ways::Reads;
