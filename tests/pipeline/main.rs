//! Whole runs: what is published is what the data and the model say, whatever ends a run early leaves nothing behind,
//! and what cannot be done is refused before it costs anything.

#![allow(clippy::print_stdout)] // how many cases were tried is said

mod ahead;
mod earlier_run;
mod early_ends;
mod fallback;
mod published;
mod refusals;
mod selection;
mod spilled;
mod table;
