//! How a command ends badly: an error is printed once, with its place, its advice and its exit code. A panic is our
//! bug: exit 70, with the place in the code and never with the values that may stand in its message.

use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::{Mutex, PoisonError};

use super::printer::{Mark, talk};
use super::talk::Talk;
use crate::error::{Error, Kind};
#[cfg(debug_assertions)]
use crate::observe::Event;
use crate::observe::Observe;
use crate::report::terminal;

/// Where the last panic happened, and the stack if RUST_BACKTRACE asked for it.
static LAST_PANIC: Mutex<Option<(String, String)>> = Mutex::new(None);

/// Runs a command; whatever goes wrong in it comes back as an error.
pub fn guarded(command: impl FnOnce() -> anyhow::Result<()>) -> Result<(), Error> {
    // Panics that are caught below this (inside a driver, inside a decoder) must not show.
    std::panic::set_hook(Box::new(remember));
    let Ok(outcome) = catch_unwind(AssertUnwindSafe(command)) else {
        let last = LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (place, stack) = last.unwrap_or_default();
        return Err(Error::bug(format!("segmint came to a stop {place}; nothing was published{stack}")));
    };
    outcome.map_err(ours)
}

/// The error of ours that stands behind an error of a command.
fn ours(error: anyhow::Error) -> Error {
    let message = format!("{error:#}");
    match error.downcast::<Error>() {
        Ok(error) => error,
        Err(error) if error.is::<std::io::Error>() => Error::new(Kind::Io, message),
        Err(_) => Error::bug(message),
    }
}

fn remember(info: &PanicHookInfo<'_>) {
    let place = info.location().map_or_else(String::new, |at| format!("at {}:{}", at.file(), at.line()));
    // A message without arguments is a text of ours; one with arguments may hold a customer's value.
    let message = info.payload().downcast_ref::<&'static str>().map_or_else(String::new, |text| format!(" ({text})"));
    let stack = std::backtrace::Backtrace::capture();
    let stack = match stack.status() {
        std::backtrace::BacktraceStatus::Captured => format!("\n{stack}"),
        _ => String::new(),
    };
    *LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner) = Some((place + &message, stack));
}

/// Makes a panic at the start of the stage that SEGMINT_PANIC_IN names, in debug builds: how tests see what a bug of ours
/// looks like from outside.
#[cfg(debug_assertions)]
pub fn with_injected_panic(observe: Observe) -> Observe {
    let Ok(wanted) = std::env::var("SEGMINT_PANIC_IN") else { return observe };
    observe.listen(move |event| {
        if let Event::StageStarted { stage } = event {
            assert!(*stage != wanted, "a value that must not be shown: {wanted}");
        }
    })
}

#[cfg(not(debug_assertions))]
pub fn with_injected_panic(observe: Observe) -> Observe {
    observe
}

/// Reports an error, once, and gives the exit code.
pub fn report(error: &Error, talk_as: &Talk) -> u8 {
    if !talk_as.error(error) {
        let mark = if error.kind() == Kind::NothingToDo { Mark::Note } else { Mark::Error };
        talk(mark, &lines(&error.to_string()));
        if let Some(hint) = error.hint_text() {
            talk(Mark::Hint, &lines(hint));
        }
    }
    error.kind().exit_code()
}

/// Safe for a terminal; line breaks are meant.
fn lines(text: &str) -> String {
    text.split('\n').map(terminal).collect::<Vec<_>>().join("\n")
}
