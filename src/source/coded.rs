//! The numbers of a column, one by one or as places in a list of the few values that there are.
//!
//! Writers of Parquet keep such a list, a dictionary, as long as it stays small, and most columns of customers' figures
//! have one: days, counts, ratings. What is asked of a value then is asked once, and not once per row.

use std::sync::Arc;

/// Values in a list at most: a place takes 16 bits, and one is kept for null.
pub(super) const VALUES_MAX: usize = u16::MAX as usize;

/// With fewer rows than this per value of the list, it is not worth it.
pub(super) const ROWS_PER_VALUE: usize = 4;

/// The numbers of a batch's column. A null is [`NULL`](super::NULL).
#[derive(Debug, Clone)]
pub enum Numbers {
    /// One by one.
    Values(Vec<f64>),
    Coded(Coded),
}

/// Places in a list of values. The list may hold values that no row has.
#[derive(Debug, Clone)]
pub struct Coded {
    /// Each below the number of values.
    codes: Vec<u16>,
    values: Arc<[f64]>,
}

impl Coded {
    /// None where a code is beyond the list.
    pub fn new(codes: Vec<u16>, values: Arc<[f64]>) -> Option<Self> {
        (codes.is_empty() || usize::from(largest(&codes)) < values.len()).then_some(Self { codes, values })
    }

    pub fn codes(&self) -> &[u16] {
        &self.codes
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.codes.capacity()
    }

    pub fn values(&self) -> &Arc<[f64]> {
        &self.values
    }

    /// The first row whose value is such a one; only values that `wanted` is true for are looked for.
    fn first(&self, wanted: impl Fn(f64) -> bool) -> Option<usize> {
        let flags: Vec<bool> = self.values.iter().map(|value| wanted(*value)).collect();
        let first = flags.iter().position(|flag| *flag)?;
        // Mostly null alone, which no row has: one pass without a branch tells that.
        let alone = !flags[first + 1..].contains(&true);
        if alone && !self.codes.iter().fold(false, |any, code| any | (usize::from(*code) == first)) {
            return None;
        }
        self.codes.iter().position(|code| flags[usize::from(*code)])
    }
}

/// The largest code; 0 where there is none.
pub(super) fn largest(codes: &[u16]) -> u16 {
    codes.iter().fold(0, |all, &code| all.max(code))
}

impl Default for Numbers {
    fn default() -> Self {
        Numbers::Values(Vec::new())
    }
}

impl From<Vec<f64>> for Numbers {
    fn from(values: Vec<f64>) -> Self {
        Numbers::Values(values)
    }
}

impl Numbers {
    pub fn len(&self) -> usize {
        match self {
            Numbers::Values(values) => values.len(),
            Numbers::Coded(coded) => coded.codes.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of a row.
    pub fn at(&self, row: usize) -> f64 {
        match self {
            Numbers::Values(values) => values[row],
            Numbers::Coded(Coded { codes, values }) => values[usize::from(codes[row])],
        }
    }

    /// One by one.
    pub fn into_values(self) -> Vec<f64> {
        match self {
            Numbers::Values(values) => values,
            Numbers::Coded(Coded { codes, values }) => codes.iter().map(|code| values[usize::from(*code)]).collect(),
        }
    }

    /// The first row whose number is such a one.
    pub fn first(&self, wanted: impl Fn(f64) -> bool) -> Option<usize> {
        match self {
            Numbers::Values(values) => {
                // One pass without a branch per value: the common answer is "none".
                let any = values.iter().fold(false, |any, value| any | wanted(*value));
                if any { values.iter().position(|value| wanted(*value)) } else { None }
            }
            Numbers::Coded(coded) => coded.first(wanted),
        }
    }

    /// How many rows have such a number.
    pub fn count(&self, wanted: impl Fn(f64) -> bool) -> u64 {
        let of = |matching: usize| matching as u64;
        match self {
            Numbers::Values(values) => of(values.iter().filter(|value| wanted(**value)).count()),
            Numbers::Coded(Coded { codes, values }) => {
                let flags: Vec<bool> = values.iter().map(|value| wanted(*value)).collect();
                of(codes.iter().filter(|code| flags[usize::from(**code)]).count())
            }
        }
    }

    /// Replaces every number.
    pub fn change(&mut self, change: impl Fn(f64) -> f64) {
        match self {
            Numbers::Values(values) => values.iter_mut().for_each(|value| *value = change(*value)),
            Numbers::Coded(coded) => coded.values = coded.values.iter().map(|value| change(*value)).collect(),
        }
    }

    /// Keeps the rows for which `kept` says so, in order.
    pub fn keep(&mut self, kept: &[bool]) {
        match self {
            Numbers::Values(values) => compact(values, kept),
            Numbers::Coded(coded) => compact(&mut coded.codes, kept),
        }
    }
}

/// Keeps the values of the kept rows, in order.
pub fn compact<T>(values: &mut Vec<T>, kept: &[bool]) {
    let mut rows = kept.iter();
    values.retain(|_| rows.next().copied().unwrap_or(false));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same numbers in both forms; the list holds a value that no row has.
    fn both() -> [Numbers; 2] {
        let values: Arc<[f64]> = [2.5, -1.0, f64::NAN, 1e9].into();
        let codes = vec![0, 1, 1, 2, 0, 1];
        let one_by_one = codes.iter().map(|code| values[usize::from(*code)]).collect::<Vec<f64>>();
        [Numbers::Values(one_by_one), Numbers::Coded(Coded::new(codes, values).unwrap())]
    }

    fn bits(numbers: Numbers) -> Vec<u64> {
        numbers.into_values().iter().map(|value| value.to_bits()).collect()
    }

    #[test]
    fn both_forms_answer_alike() {
        let [values, coded] = both();
        assert_eq!((values.len(), coded.len()), (6, 6));
        assert_eq!(bits(values), bits(coded));
        for wanted in [|v: f64| v.is_nan(), |v: f64| v < 0.0, |v: f64| v > 1e6, |v: f64| v > 0.0] {
            let [values, coded] = both();
            assert_eq!(values.first(wanted), coded.first(wanted));
            assert_eq!(values.count(wanted), coded.count(wanted));
        }
        let [mut values, mut coded] = both();
        let kept = [true, false, true, true, true, false];
        for numbers in [&mut values, &mut coded] {
            numbers.keep(&kept);
            numbers.change(|v| if v.is_nan() { 4.0 } else { v * 2.0 });
        }
        assert_eq!(bits(values.clone()), bits(coded));
        assert_eq!(values.into_values(), [5.0, -2.0, 4.0, 5.0]);
    }

    #[test]
    fn a_value_that_no_row_has_is_not_found() {
        let [_, coded] = both();
        assert_eq!(coded.first(|v| v == 1e9), None);
        assert_eq!(coded.count(|v| v == 1e9), 0);
    }

    #[test]
    fn a_code_beyond_the_list_is_refused() {
        assert!(Coded::new(vec![0, 2], [1.0, 2.0].into()).is_none());
        assert!(Coded::new(vec![0], [].into()).is_none());
        assert!(Coded::new(vec![], [].into()).is_some());
    }
}
