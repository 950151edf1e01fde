//! The only place that writes to stdout and stderr. stdout gets the result and nothing else; stderr gets the talk. A
//! reader that goes away early (`segmint .. | head`) is no error.

use std::ffi::OsString;
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

/// What a stream is shown on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    Terminal,
    Other,
}

impl Surface {
    pub fn of(stream: &impl IsTerminal) -> Surface {
        if stream.is_terminal() { Surface::Terminal } else { Surface::Other }
    }
}

/// Whether a stream may be coloured: a terminal that can, and a user who did not say no.
fn coloured(surface: Surface, variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let says = |name: &str| variable(name).filter(|value| !value.is_empty());
    surface == Surface::Terminal && says("NO_COLOR").is_none() && says("TERM").is_none_or(|term| term != "dumb")
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

/// Hands on stdout for a result that is longer than memory. Whether the reader went away in the middle is in the answer:
/// then there is nobody to write the rest to.
pub fn stream<T>(work: impl FnOnce(&mut (dyn Write + Send)) -> Result<T>) -> Result<Option<T>> {
    let mut out = Leaving { inner: std::io::BufWriter::with_capacity(1 << 16, std::io::stdout()), left: false };
    let done = work(&mut out).and_then(|done| match out.flush() {
        Ok(()) => Ok(done),
        Err(error) => Err(Error::io("write", "the result to stdout", error)),
    });
    match done {
        Err(_) if out.left => Ok(None),
        done => done.map(Some),
    }
}

/// A stream that remembers whether its reader went away.
struct Leaving<W> {
    inner: W,
    left: bool,
}

impl<W> Leaving<W> {
    fn noted<T>(&mut self, outcome: std::io::Result<T>) -> std::io::Result<T> {
        self.left |= outcome.as_ref().is_err_and(|error| error.kind() == ErrorKind::BrokenPipe);
        outcome
    }
}

impl<W: Write> Write for Leaving<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let outcome = self.inner.write(bytes);
        self.noted(outcome)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let outcome = self.inner.flush();
        self.noted(outcome)
    }
}

/// Writes one line of talk to stderr. Whoever cannot be talked to cannot be told of it either. Text from outside comes
/// made safe for terminals by its sender; line breaks are kept.
pub fn talk(mark: Mark, text: &str) {
    let mut stderr = std::io::stderr().lock();
    let surface = Surface::of(&stderr);
    let line = match mark {
        Mark::None => format!("{text}\n"),
        _ if coloured(surface, |name| std::env::var_os(name)) => {
            format!("{}{}\u{1b}[0m: {text}\n", mark.colour(), mark.word())
        }
        _ => format!("{}: {text}\n", mark.word()),
    };
    let _ = stderr.write_all(line.as_bytes()).and_then(|()| stderr.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_whose_user_did_not_say_no() {
        let with = |surface, variables: &[(&str, &str)]| {
            coloured(surface, |name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into()))
        };
        assert!(with(Surface::Terminal, &[("TERM", "xterm")]));
        assert!(with(Surface::Terminal, &[("NO_COLOR", "")]), "empty means unset");
        assert!(!with(Surface::Terminal, &[("NO_COLOR", "1")]));
        assert!(!with(Surface::Terminal, &[("TERM", "dumb")]));
        assert!(!with(Surface::Other, &[]));
    }
}
