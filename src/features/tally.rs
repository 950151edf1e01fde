//! The values of one feature that count: one by one, or each once with the number of rows that have it.

use std::borrow::Cow;

use crate::source::{Coded, Numbers};

/// Values of a feature of some rows.
pub struct Tally<'a> {
    pub values: Cow<'a, [f64]>,
    /// How many rows have each; none where each stands for one row.
    pub times: Option<Vec<u32>>,
}

impl<'a> Tally<'a> {
    /// Of the rows of positive weight.
    pub fn of(column: &'a Numbers, weights: Option<&[f64]>) -> Self {
        let weights = weights.filter(|weights| weights.contains(&0.0));
        match column {
            Numbers::Coded(coded) => Self::of_codes(coded, weights),
            Numbers::Values(values) => {
                let values = match weights {
                    None => Cow::Borrowed(&values[..]),
                    Some(weights) => {
                        let counted = values.iter().zip(weights).filter(|(_, w)| **w > 0.0);
                        Cow::Owned(counted.map(|(value, _)| *value).collect())
                    }
                };
                Self { values, times: None }
            }
        }
    }

    fn of_codes(coded: &Coded, weights: Option<&[f64]>) -> Self {
        let mut times = vec![0u32; coded.values().len()];
        match weights {
            None => coded.codes().iter().for_each(|code| times[usize::from(*code)] += 1),
            Some(weights) => {
                let counted = coded.codes().iter().zip(weights).filter(|(_, w)| **w > 0.0);
                counted.for_each(|(code, _)| times[usize::from(*code)] += 1);
            }
        }
        let used = coded.values().iter().zip(times).filter(|(_, times)| *times > 0);
        let (values, times): (Vec<f64>, Vec<u32>) = used.map(|(value, times)| (*value, times)).unzip();
        Self { values: values.into(), times: Some(times) }
    }

    /// How many rows there are.
    pub fn n(&self) -> u64 {
        match &self.times {
            None => self.values.len() as u64,
            Some(times) => times.iter().map(|times| u64::from(*times)).sum(),
        }
    }

    /// Those that are not missing.
    pub fn present(self) -> Self {
        if self.values.iter().fold(true, |all, value| all & value.is_finite()) {
            return self;
        }
        let times = self.times.map(|times| {
            let present = times.into_iter().zip(&*self.values).filter(|(_, value)| value.is_finite());
            present.map(|(times, _)| times).collect()
        });
        let values = self.values.iter().copied().filter(|value| value.is_finite()).collect();
        Self { values, times }
    }

    /// Replaces every value.
    pub fn change(&mut self, change: impl Fn(f64) -> f64) {
        self.values.to_mut().iter_mut().for_each(|value| *value = change(*value));
    }
}
