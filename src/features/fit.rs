//! From exact statistics to fitted features: fills, means, spreads.
//!
//! Statistics are those of the rows of positive weight, each counted once: a sample weight says how much a customer
//! counts in the clusters, not what the scale of a column is. Means, variances and quantiles are exact before they are
//! rounded, so that chunks, files and row order cannot change them.

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::job::{Feature, Missing, Scale};
use crate::observe::Observe;

use super::load::changed;
use super::model::FittedFeature;
use super::moments::Moments;
use super::plan::{Plan, is_filled_late};
use super::rows::Rows;
use super::selection::{PASSES_MAX, Quantile, Selection};
use super::tally::Tally;
use super::transform;

/// Factors are kept within this and its inverse, so that no product with one leaves the range of f64.
const FACTOR_MAX: f64 = 1e270;

/// What the first read finds in one feature's column.
#[derive(Clone, Default)]
pub struct ColumnFacts {
    /// Transformed values; those not missing as long as the fill comes later.
    pub values: Moments,
    /// Values present before the transform, where their mean is wanted.
    raw: Moments,
    /// Values that count and are missing.
    missing: u64,
    /// Kept rows whose value is replaced.
    imputed: u64,
}

/// The values of the kept rows, to be visited again.
pub trait Values {
    /// One pass: hands each search the values of its feature that count. A feature whose fill is not known yet gives
    /// the values present, before the transform.
    fn visit(&mut self, fills: &[Option<f64>], searches: &mut [Search]) -> Result<()>;

    /// The fills are known from here on.
    fn fill(&mut self, fills: &[f64], late: &[usize]);
}

/// The search for a feature's quantiles.
pub struct Search {
    pub feature: usize,
    pub selection: Selection,
    n: u64,
}

impl ColumnFacts {
    /// Adds a feature's column of a batch.
    pub fn add(&mut self, feature: &Feature, rows: &Rows, index: usize) {
        let Some(column) = rows.columns.get(index) else { return };
        self.imputed += rows.imputed.get(index).copied().unwrap_or(0);
        let counted = Tally::of(column, rows.weights.as_deref());
        if !is_filled_late(feature.missing) {
            self.values.add_tally(&counted);
            return;
        }
        let n = counted.n();
        let mut present = counted.present();
        self.missing += n - present.n();
        if feature.missing == Missing::Mean {
            self.raw.add_tally(&present);
        }
        // The read has checked the domain of every value present.
        present.change(|value| transform::apply(feature.transform, value).unwrap_or(value));
        self.values.add_tally(&present);
    }

    pub fn merge(mut self, other: &ColumnFacts) -> Self {
        self.values.merge(&other.values);
        self.raw.merge(&other.raw);
        self.missing += other.missing;
        self.imputed += other.imputed;
        self
    }
}

/// Adds the batches of a wave to what is known of every feature.
pub fn add_wave(plan: &Plan, facts: &mut [ColumnFacts], wave: &[Rows]) {
    facts.par_iter_mut().zip(&plan.features).enumerate().for_each(|(index, (facts, feature))| {
        let of_batch = |rows: &Rows| {
            let mut facts = ColumnFacts::default();
            facts.add(feature, rows, index);
            facts
        };
        let wave = wave.par_iter().map(of_batch).reduce(ColumnFacts::default, |a, b| a.merge(&b));
        *facts = std::mem::take(facts).merge(&wave);
    });
}

/// The fitted features.
pub struct Fitted {
    pub features: Vec<FittedFeature>,
    /// Root mean square of each, in scaled units.
    pub rms: Vec<f64>,
}

/// Fits all features to what the first read found, visiting the values again where ranks are wanted.
pub fn fit(plan: &Plan, mut facts: Vec<ColumnFacts>, values: &mut dyn Values, observe: &Observe) -> Result<Fitted> {
    let fills = fills(plan, &facts, values)?;
    let late: Vec<usize> = (0..plan.n_features()).filter(|f| is_filled_late(plan.features[*f].missing)).collect();
    for &feature in &late {
        if let Some(fill) = fills[feature] {
            let filled = transform::apply(plan.features[feature].transform, fill).unwrap_or(fill);
            let missing = facts[feature].missing;
            facts[feature].values.add_times(filled, missing);
        }
    }
    // Only late features are looked up in it.
    values.fill(&fills.iter().map(|f| f.unwrap_or(0.0)).collect::<Vec<f64>>(), &late);

    let robust = |f: &usize| plan.features[*f].scale == Scale::Robust && !facts[*f].values.is_constant();
    let searches = (0..plan.n_features()).filter(robust).map(|f| Search::new(f, facts[f].values.n, &[1, 3]));
    let ranges = search(values, &fills, searches.collect())?;

    let n_features = plan.n_features();
    let mut fitted = Fitted { features: Vec::with_capacity(n_features), rms: Vec::with_capacity(n_features) };
    for (index, (settings, facts)) in plan.features.iter().zip(&facts).enumerate() {
        let quartiles = ranges.iter().find(|search| search.feature == index).map(Search::range);
        let deviation = facts.values.standard_deviation();
        let factor = factor(settings, facts, deviation, quartiles, observe)?;
        let (mean, mean_rest) = facts.values.mean();
        fitted.rms.push(deviation * factor);
        fitted.features.push(FittedFeature {
            column: settings.column.clone(),
            transform: settings.transform,
            scale: settings.scale,
            missing: settings.missing,
            weight: settings.weight,
            fill: fills[index],
            mean,
            mean_rest,
            factor,
            constant: facts.values.is_constant(),
            imputed: facts.imputed,
        });
    }
    warn_of_constants(&fitted.features, observe);
    Ok(fitted)
}

/// What replaces missing values: the job's numbers, exact means, exact medians.
fn fills(plan: &Plan, facts: &[ColumnFacts], values: &mut dyn Values) -> Result<Vec<Option<f64>>> {
    let mut fills = plan.given_fills();
    for (index, (settings, facts)) in plan.features.iter().zip(facts).enumerate() {
        if !is_filled_late(settings.missing) {
            continue;
        }
        if facts.values.n == 0 {
            return Err(Error::bad_data(format!(
                "every value of column {:?} is missing, so that there is no mean or median",
                settings.column
            ))
            .hint("leave the column out, or set `missing` to \"zero\" or a number"));
        }
        if settings.missing == Missing::Mean {
            fills[index] = Some(facts.raw.mean().0);
        }
    }
    let medians = (0..plan.n_features()).filter(|f| plan.features[*f].missing == Missing::Median);
    let searches = medians.map(|f| Search::new(f, facts[f].values.n, &[2])).collect();
    // Without the means: a pass gives values as they were read to whoever has no fill yet.
    let given = plan.given_fills();
    for search in search(values, &given, searches)? {
        fills[search.feature] = Some(search.median());
    }
    Ok(fills)
}

fn search(values: &mut dyn Values, fills: &[Option<f64>], searches: Vec<Search>) -> Result<Vec<Search>> {
    let (mut open, mut done): (Vec<Search>, Vec<Search>) = (searches, Vec::new());
    for _ in 0..=PASSES_MAX {
        if open.is_empty() {
            return Ok(done);
        }
        values.visit(fills, &mut open)?;
        open.iter_mut().for_each(|search| search.selection.finish_pass());
        let (ended, rest) = open.into_iter().partition(|search| search.selection.is_done());
        done.extend::<Vec<Search>>(ended);
        open = rest;
    }
    Err(changed())
}

impl Search {
    /// Looks for quantiles given in quarters among `n` values, at least one.
    fn new(feature: usize, n: u64, quarters: &[u64]) -> Self {
        let ranks: Vec<u64> = quarters.iter().flat_map(|q| Quantile::of(n, *q).ranks()).collect();
        Self { feature, selection: Selection::new(n, &ranks), n }
    }

    fn median(&self) -> f64 {
        match self.selection.found()[..] {
            [low, high] => Quantile::of(self.n, 2).value([low, high]),
            _ => f64::NAN,
        }
    }

    /// From the first to the third quartile.
    fn range(&self) -> f64 {
        match self.selection.found()[..] {
            [a, b, c, d] => Quantile::of(self.n, 3).minus([c, d], Quantile::of(self.n, 1), [a, b]),
            _ => f64::NAN,
        }
    }
}

/// What a feature's centred values are multiplied by.
fn factor(
    settings: &Feature,
    facts: &ColumnFacts,
    deviation: f64,
    quartiles: Option<f64>,
    observe: &Observe,
) -> Result<f64> {
    if facts.values.is_constant() {
        return Ok(0.0);
    }
    let spread = match settings.scale {
        Scale::Standard => deviation,
        Scale::Robust => quartiles.unwrap_or(0.0),
        Scale::MinMax => facts.values.max - facts.values.min,
        Scale::None => 1.0,
    };
    let spread = if settings.scale == Scale::Robust && spread == 0.0 {
        observe.warn_data(format!(
            "column {:?}: the middle half of its values is one value (interquartile range 0), so that it is scaled by 1",
            settings.column
        ));
        1.0
    } else {
        spread
    };
    let factor = settings.weight / spread;
    if !(1.0 / FACTOR_MAX..=FACTOR_MAX).contains(&factor) {
        return Err(Error::bad_data(format!(
            "column {:?}: its spread and its feature weight are too far apart for 64-bit numbers",
            settings.column
        ))
        .hint("give the column in other units, or choose a feature weight nearer to 1"));
    }
    Ok(factor)
}

fn warn_of_constants(features: &[FittedFeature], observe: &Observe) {
    let names: Vec<String> = features.iter().filter(|f| f.constant).map(|f| format!("{:?}", f.column)).collect();
    if !names.is_empty() {
        observe.warn_data(format!("all values are the same, so that it counts for nothing: {}", names.join(", ")));
    }
}
