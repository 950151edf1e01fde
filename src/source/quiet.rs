//! Panics inside the Parquet decoder become errors.
//!
//! The decoder is fuzzed and good, but a malformed file may still find an assertion in it. Such a panic is the file's
//! fault: it is caught, its text kept off stderr, and it ends as a bad-data error. Panics of our own code elsewhere
//! print and unwind as ever.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use crate::error::{Error, Result};

thread_local! {
    /// How many guarded calls this thread is inside of.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

static HOOK: Once = Once::new();

/// Wraps the panic hook once per process: silent inside guarded calls, unchanged elsewhere.
fn install_hook() {
    HOOK.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if DEPTH.with(Cell::get) == 0 {
                previous(info);
            }
        }));
    });
}

/// Runs `work`; a panic in it comes back as a bad-data error that says what was being done.
pub(super) fn guarded<T>(doing: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    install_hook();
    DEPTH.with(|depth| depth.set(depth.get() + 1));
    let outcome = panic::catch_unwind(AssertUnwindSafe(work));
    DEPTH.with(|depth| depth.set(depth.get().saturating_sub(1)));
    outcome.unwrap_or_else(|_| {
        Err(Error::bad_data(format!("the Parquet decoder gave up while {doing}: the file is malformed"))
            .hint("write the file again, or check it with another Parquet reader"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_and_the_next_call_works() {
        let error = guarded("reading a footer", || -> Result<()> { panic!("assertion inside the decoder") });
        assert!(error.is_err_and(|e| e.to_string().contains("while reading a footer")));
        assert_eq!(guarded("reading", || Ok(1)).ok(), Some(1));
    }
}
