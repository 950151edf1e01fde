//! The wish to stop: the first SIGINT or SIGTERM asks the run to stop at its next convenience, the second one kills it.
//! Either way nothing half-done is visible: a run folder appears whole or not at all.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::error::{Error, Kind, Result};

/// The flag that the signals set.
pub fn on_signals() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT] {
        // In this order: the shutdown looks at the flag before this same signal sets it.
        flag::register_conditional_shutdown(signal, i32::from(Kind::Stopped.exit_code()), stop.clone())
            .and_then(|_| flag::register(signal, stop.clone()))
            .map_err(|error| Error::io("listen for", "the signals to stop", error))?;
    }
    Ok(stop)
}
