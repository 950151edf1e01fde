//! Features that are ids, told by their content: whole numbers of which no two are equal, spread evenly over their
//! range. Such a column says who a customer is, not what they are like.
//!
//! Whether a column may be one shows in a sample of the grid; only then is it read again, to see whether its values are
//! whole and all different. Nearly no column of real figures comes that far.

use crate::error::{Error, Result};
use crate::grid::Matrix;
use crate::job::{Job, Missing};
use crate::observe::Observe;
use crate::source::{Request, ScanSettings, Source};

use super::FeatureModel;

/// Rows of the sample.
const SAMPLE_ROWS: usize = 8_192;

/// Too few rows for an accident to be told from an id.
const ROWS_MIN: usize = 50;

/// Share of the sample's grid values that must differ; the grid itself makes a few of them equal.
const DISTINCT_MIN: f64 = 0.8;

/// Largest distance of the sample's distribution from an even one (the statistic of Kolmogorov and Smirnov).
const UNEVEN_MAX: f64 = 0.15;

/// Pairs of customers for each whole number between the smallest and the largest, from which on it is no accident that
/// all values differ: by chance one table in a hundred and fifty would have none equal.
const SURPRISE: f64 = 10.0;

/// Values that are compared at once; of more, a hashed part is.
const VALUES_MAX: u64 = 1 << 20;

/// Bytes that one read may hold.
const WAVE_BYTES: u64 = 16 << 20;

/// The features that look like ids, in order. `matrix` and `model` are of this source.
pub fn id_like(
    source: &Source,
    job: &Job,
    model: &FeatureModel,
    matrix: &Matrix,
    observe: &Observe,
) -> Result<Vec<usize>> {
    if matrix.n_rows() < ROWS_MIN {
        return Ok(Vec::new());
    }
    let mut sample = matrix.sample_rows(SAMPLE_ROWS);
    // In the order in which they lie in a file; each column is sorted anyway.
    sample.sort_unstable();
    let mut row = vec![0; matrix.n_features()];
    let mut columns = vec![Vec::with_capacity(sample.len()); matrix.n_features()];
    for at in sample {
        matrix.row(at, &mut row);
        columns.iter_mut().zip(&row).for_each(|(column, &q)| column.push(q));
    }
    let suspects: Vec<usize> = (0..columns.len()).filter(|&feature| is_even(&mut columns[feature])).collect();
    suspects.into_iter().filter_map(|feature| are_numbered(source, job, model, feature, observe).transpose()).collect()
}

/// Whether values lie evenly between the smallest and the largest, nearly all of them different.
fn is_even(values: &mut [i64]) -> bool {
    values.sort_unstable();
    let (Some(&least), Some(&most)) = (values.first(), values.last()) else { return false };
    let n = values.len() as f64;
    let distinct = 1 + values.windows(2).filter(|pair| pair[0] != pair[1]).count();
    if (distinct as f64) < DISTINCT_MIN * n || least == most {
        return false;
    }
    let width = most as f64 - least as f64;
    let uneven = values.iter().enumerate().map(|(at, &value)| {
        let (even, below) = ((value as f64 - least as f64) / width, at as f64 / n);
        (even - below).abs().max((even - below - 1.0 / n).abs())
    });
    uneven.fold(0.0, f64::max) <= UNEVEN_MAX
}

/// The feature, where all its values are whole and no two that were compared are equal.
fn are_numbered(
    source: &Source,
    job: &Job,
    model: &FeatureModel,
    feature: usize,
    observe: &Observe,
) -> Result<Option<usize>> {
    let fitted = model.features.get(feature).ok_or_else(|| Error::bug("a feature that the model does not have"))?;
    let column = source.column(&fitted.column)?;
    let request = Request { numbers: vec![column], ..Request::default() };
    let settings = ScanSettings { chunk_rows: job.engine.chunk_rows, memory: WAVE_BYTES };
    let every = source.n_rows().div_ceil(VALUES_MAX).max(1);
    let (mut compared, mut whole) = (Vec::new(), true);
    let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
    source.scan(&request, &settings, &observe.silent(), &mut |wave| {
        for &value in wave.iter().flat_map(|batch| &batch.numbers).flatten() {
            if !value.is_finite() && fitted.missing != Missing::Error {
                continue;
            }
            whole &= value.fract() == 0.0;
            (least, most) = (least.min(value), most.max(value));
            // By value, so that equal ones are compared wherever they stand.
            if whole && (value.to_bits().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32).is_multiple_of(every) {
                compared.push(value.to_bits());
            }
        }
        Ok(())
    })?;
    compared.sort_unstable();
    // So many numbers drawn from so few would hardly all differ by chance: seconds of a year say nothing, days do.
    let rows = source.n_rows() as f64;
    whole &= rows * rows >= SURPRISE * (most - least + 1.0);
    Ok((whole && compared.windows(2).all(|pair| pair[0] != pair[1])).then_some(feature))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_a_row_are_even_and_skewed_or_repeated_ones_are_not() {
        assert!(is_even(&mut (0..5000).rev().collect::<Vec<i64>>()));
        // With a third of the numbers given back.
        assert!(is_even(&mut (0..5000).filter(|n| n % 3 != 1).collect::<Vec<i64>>()));
        assert!(!is_even(&mut (0..5000).map(|n| n % 366).collect::<Vec<i64>>()));
        assert!(!is_even(&mut (0..5000).map(|n: i64| n * n).collect::<Vec<i64>>()));
        assert!(!is_even(&mut [7; 100]));
    }
}
