//! Errors, sorted by who must act. Each kind has one exit code; the message says what was found, where, what was
//! allowed and what to do next, and never holds a customer's value.
//!
//! An error is handled once: passed on or reported, never both.

use std::fmt;

/// Who must act. The exit codes are part of the command-line contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The command line cannot be understood.
    Usage,
    /// There are results, but a check of them said no.
    Refuted,
    /// The data cannot be used as it is: a malformed file, a null where none is allowed, fewer rows than clusters.
    BadData,
    /// A file, folder or glob that holds nothing.
    InputMissing,
    /// A GPU was demanded and none can be used.
    NoDevice,
    /// A device failed in the middle of the work: lost, out of memory, hung, or wrong. The CPU can take over.
    DeviceFault,
    /// Our own mistake.
    Bug,
    /// The output cannot be created, exists already, or is locked by another run.
    Output,
    /// The operating system failed to read or write.
    Io,
    /// Stopped by a signal; nothing was published.
    Stopped,
    /// The job file is wrong.
    JobFile,
    /// The result is there already: same input, same job.
    NothingToDo,
}

impl Kind {
    /// The process's exit code for this kind.
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Usage => 2,
            Kind::Refuted => 10,
            Kind::BadData => 65,
            Kind::InputMissing => 66,
            Kind::NoDevice | Kind::DeviceFault => 69,
            Kind::Bug => 70,
            Kind::Output => 73,
            Kind::Io => 74,
            Kind::Stopped => 75,
            Kind::JobFile => 78,
            Kind::NothingToDo => 99,
        }
    }
}

/// Where in the input or in the job file something was found. Every part is optional.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    pub file: Option<String>,
    /// Counted from 0, like Parquet's own tools do.
    pub row_group: Option<usize>,
    pub column: Option<String>,
    /// Row within the file, counted from 0.
    pub row: Option<u64>,
    /// Line and column of a text file, counted from 1.
    pub line: Option<(usize, usize)>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if let Some(file) = &self.file {
            match self.line {
                Some((line, column)) => parts.push(format!("{file}:{line}:{column}")),
                None => parts.push(file.clone()),
            }
        }
        if let Some(group) = self.row_group {
            parts.push(format!("row group {group}"));
        }
        if let Some(column) = &self.column {
            parts.push(format!("column {column:?}"));
        }
        if let Some(row) = self.row {
            parts.push(format!("row {row}"));
        }
        f.write_str(&parts.join(", "))
    }
}

/// The one error type of the library.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.render())]
pub struct Error {
    kind: Kind,
    message: String,
    /// Boxed, to keep results small on the way up.
    place: Box<Place>,
    hint: Option<String>,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), place: Box::default(), hint: None, source: None }
    }

    pub fn bad_data(message: impl Into<String>) -> Self {
        Self::new(Kind::BadData, message)
    }

    pub fn job(message: impl Into<String>) -> Self {
        Self::new(Kind::JobFile, message)
    }

    /// A broken promise of our own code. The hint asks the user to report it.
    pub fn bug(message: impl Into<String>) -> Self {
        Self::new(Kind::Bug, message).hint("this is a bug in segmint; please report it with the command you ran")
    }

    pub fn device(message: impl Into<String>) -> Self {
        Self::new(Kind::DeviceFault, message)
    }

    /// An operating-system error met while doing `what` ("read", "create", ..) to `file`.
    pub fn io(what: &str, file: impl fmt::Display, error: std::io::Error) -> Self {
        Self::new(Kind::Io, format!("cannot {what} {file}")).because(error)
    }

    /// Where it was found; parts already known are kept, the new ones are added.
    pub fn at(mut self, place: Place) -> Self {
        let old = *std::mem::take(&mut self.place);
        *self.place = Place {
            file: old.file.or(place.file),
            row_group: old.row_group.or(place.row_group),
            column: old.column.or(place.column),
            row: old.row.or(place.row),
            line: old.line.or(place.line),
        };
        self
    }

    /// What to do next.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    pub fn place(&self) -> &Place {
        &self.place
    }

    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    fn render(&self) -> String {
        let place = self.place.to_string();
        let mut text = if place.is_empty() { self.message.clone() } else { format!("{place}: {}", self.message) };
        if let Some(source) = &self.source {
            text.push_str(&format!(": {source}"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_where_before_what() {
        let place = Place {
            file: Some("a.parquet".into()),
            row_group: Some(3),
            column: Some("age".into()),
            row: Some(12),
            line: None,
        };
        let error = Error::bad_data("a null, and `missing` is \"error\"").at(place);
        assert_eq!(
            error.to_string(),
            "a.parquet, row group 3, column \"age\", row 12: a null, and `missing` is \"error\""
        );
        assert_eq!(error.kind().exit_code(), 65);
    }
}
