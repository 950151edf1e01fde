//! The GPU engine: equal to the integer reference on every adapter this machine has, used as sparingly as it promises,
//! and never the end of a run when its device breaks. The cases and the reference are the engine suite's.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests name the adapters that are there and those that are missing"
)]

mod adapters;
mod cache;
mod cases;
mod clock;
mod counted;
mod equality;
mod faults;
mod marks;
#[path = "../engine/reference.rs"]
mod reference;
mod shaders;
mod silhouette;
#[path = "../engine/cases.rs"]
mod suite;
mod tuning;
mod uploads;
