//! The only place that writes to stdout and stderr. stdout gets the result and nothing else; stderr gets the talk. A
//! reader that goes away early (`segmint .. | head`) is no error.

use std::io::{ErrorKind, IsTerminal, Write};

use crate::error::{Error, Result};

/// What a line of talk begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    None,
    Note,
    Warning,
    Error,
    Hint,
}

impl Mark {
    fn word(self) -> &'static str {
        match self {
            Mark::None => "",
            Mark::Note => "note",
            Mark::Warning => "warning",
            Mark::Error => "error",
            Mark::Hint => "hint",
        }
    }

    /// Bold, in the colour that compilers made familiar.
    fn colour(self) -> &'static str {
        match self {
            Mark::None => "",
            Mark::Note | Mark::Hint => "\u{1b}[1;36m",
            Mark::Warning => "\u{1b}[1;33m",
            Mark::Error => "\u{1b}[1;31m",
        }
    }
}

/// Whether a stream may be coloured: a terminal that can, and a user who did not say no.
fn coloured(terminal: bool) -> bool {
    let says = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    terminal && says("NO_COLOR").is_none() && says("TERM").is_none_or(|term| term != "dumb")
}

/// Writes the result to stdout.
pub fn result(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Error::io("write", "the result to stdout", error)),
        Ok(()) => Ok(()),
    }
}

/// Writes one line of talk to stderr. Whoever cannot be talked to cannot be told of it either. Text from outside comes
/// made safe for terminals by its sender; line breaks are kept.
pub fn talk(mark: Mark, text: &str) {
    let mut stderr = std::io::stderr().lock();
    let line = match mark {
        Mark::None => format!("{text}\n"),
        _ if coloured(stderr.is_terminal()) => format!("{}{}\u{1b}[0m: {text}\n", mark.colour(), mark.word()),
        _ => format!("{}: {text}\n", mark.word()),
    };
    let _ = stderr.write_all(line.as_bytes()).and_then(|()| stderr.flush());
}
