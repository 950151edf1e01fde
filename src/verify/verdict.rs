//! What came of a verification: how many figures were compared, which do not hold, and what could not be looked at.

use std::fmt;

use serde::Serialize;

/// Findings that are kept of one check; the others are counted.
const KEPT_MAX: u64 = 10;

/// The largest relative difference of two sums of the same f64 values in different order. Compensated sums err by a few
/// units in the 16th digit; the run's are correctly rounded.
pub const TOLERANCE: f64 = 1e-9;

#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Verdict {
    pub checks: Vec<Check>,
    /// What does not hold, at most ten of each check.
    pub findings: Vec<Finding>,
    /// What was not looked at, and why.
    pub not_checked: Vec<String>,
    /// Rows that are equally near to two centroids, or so near that f64 could not tell; integers decided.
    pub near_ties: u64,
}

/// One kind of claim.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    pub what: &'static str,
    /// Figures that were computed again.
    pub figures: u64,
    /// Those that do not hold.
    pub wrong: u64,
}

/// A claim that does not hold.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    pub file: String,
    pub figure: String,
    pub claimed: String,
    pub recomputed: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding { file, figure, claimed, recomputed } = self;
        write!(f, "{file}: {figure} is given as {claimed}, but is {recomputed}")
    }
}

impl Verdict {
    /// Whether everything that was compared holds.
    pub fn holds(&self) -> bool {
        self.checks.iter().all(|check| check.wrong == 0)
    }

    /// Begins a check; what is found wrong from here on belongs to it.
    pub(super) fn checked(&mut self, what: &'static str, figures: u64) {
        self.checks.push(Check { what, figures, wrong: 0 });
    }

    pub(super) fn wrong(
        &mut self,
        file: &str,
        figure: impl Into<String>,
        claimed: impl Into<String>,
        recomputed: impl Into<String>,
    ) {
        let Some(check) = self.checks.last_mut() else { return };
        check.wrong += 1;
        if check.wrong <= KEPT_MAX {
            let (figure, claimed, recomputed) = (figure.into(), claimed.into(), recomputed.into());
            self.findings.push(Finding { file: file.to_owned(), figure, claimed, recomputed });
        }
    }

    /// Counts a figure that was compared otherwise.
    pub(super) fn figure(&mut self) {
        if let Some(check) = self.checks.last_mut() {
            check.figures += 1;
        }
    }

    /// Compares a figure that a run computes in another arithmetic, to this difference: relative above 1, else absolute.
    pub(super) fn compare_loosely(
        &mut self,
        file: &str,
        figure: impl FnOnce() -> String,
        claimed: f64,
        own: Option<f64>,
        loose: f64,
    ) {
        let size = own.map_or(0.0, |own| own.abs().max(1.0) * (loose / TOLERANCE));
        self.compare(file, figure, Some(claimed), own, size);
    }

    pub(super) fn not_checked(&mut self, what: String) {
        self.not_checked.push(what);
    }

    /// Compares a figure with what it is of about this size; `None` is a figure that does not exist.
    pub(super) fn compare(
        &mut self,
        file: &str,
        figure: impl FnOnce() -> String,
        claimed: Option<f64>,
        own: Option<f64>,
        size: f64,
    ) {
        self.figure();
        let alike = match (claimed, own) {
            (Some(claimed), Some(own)) => (claimed - own).abs() <= TOLERANCE * own.abs().max(size),
            (None, None) => true,
            _ => false,
        };
        if !alike {
            let show = |value: Option<f64>| value.map_or("absent".to_owned(), |value| format!("{value}"));
            self.wrong(file, figure(), show(claimed), show(own));
        }
    }
}
