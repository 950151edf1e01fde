//! The run folder is complete or absent, whatever happens: killed or failing at every single operation on the disk, a
//! second run beside the first, a folder that is not ours, a place that cannot be written.

#![allow(clippy::print_stdout)] // how many cases were tried is said

mod assignments;
mod faults;
mod place;
mod runs;
