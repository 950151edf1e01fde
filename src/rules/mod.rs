//! Rules: short questions about the clustered columns, in the user's units, that nearly lead to the clusters.
//!
//! Clusters lie around centroids, which nobody can picture; "recency over 300 days and monetary at most 40" anybody can.
//! Two trees of thresholds are made from a sample of the customers: a short one with at most one leaf per cluster, and a
//! fine one with a few leaves more. Both are approximations and say how good they are: which part of the customers that
//! had no say in them, of each cluster and of all, ends in a leaf with the name of their cluster.
//!
//! The sample, and the part of it that is held out, are decided by the hashes of the ids; thresholds are rounded to as
//! few digits as the customers beside them allow; everything that is compared is a count. So neither the order of the
//! rows nor threads nor devices have a say. This room reads no file and knows no persona.

mod cuts;
mod fine;
mod grown;
mod learn;
mod sample;
mod short;
mod table;
mod tree;

pub use learn::{Column, learn};
pub use sample::pick;
pub use tree::{Bound, Fidelity, LEAVES_MAX, Leaf, Node, Rules, Tree};
