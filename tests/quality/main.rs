//! The quality of clusterings: published cases, plain loops that say the same, and the same bits whatever the threads,
//! the instruction set or the order of the rows.

mod cases;
mod pairs;
mod published;
mod scores;
mod stability;
