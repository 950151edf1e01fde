mod choice;
mod scores;
mod select;
pub use choice::{Choice, Gates, JACCARD_MIN, Reason, choose};
pub use scores::{Gap, Scores};
pub use select::{Flow, Selected, select};
