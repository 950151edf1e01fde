//! Figures that follow from two columns, and parts of a whole, from the sums of their columns.

use crate::report::{MixFigures, MixOutcome, Summary};
use crate::store::SUMMARY;

use super::figures::Column;
use super::tally::Figures;
use super::verdict::{TOLERANCE, Verdict};

/// Sum of one column over sum of another, times a factor.
struct Ratio<'a> {
    above: &'a Column,
    below: &'a Column,
    factor: f64,
}

impl<'a> Ratio<'a> {
    /// By its name, from the columns that play the roles; none where it has no such columns.
    fn named(name: &str, summary: &'a Summary, columns: &'a [Column]) -> Option<Ratio<'a>> {
        let column = |role: &str| {
            let played = summary.playbook.roles.iter().find(|played| played.role == role)?.column.as_ref()?;
            columns.iter().find(|column| column.name == *played)
        };
        match name {
            "average_order_value" => {
                Some(Ratio { above: column("monetary")?, below: column("frequency")?, factor: 1.0 })
            }
            "orders_per_year" => {
                let below = column("tenure")?;
                Some(Ratio { above: column("frequency")?, below, factor: in_a_year(summary, &below.name)? })
            }
            _ => None,
        }
    }

    /// With what an error of it is measured by.
    fn value(&self, of: impl Fn(&Column) -> Option<Figures>) -> Option<(f64, f64)> {
        let (above, below) = (of(self.above)?, of(self.below)?);
        let value = (below.sum > 0.0).then_some(self.factor * above.sum / below.sum)?;
        Some((value, self.factor * above.size * above.weight / below.sum))
    }
}

/// How many of a tenure's units are in a year.
fn in_a_year(summary: &Summary, column: &str) -> Option<f64> {
    let unit = summary.profile.columns.iter().find(|profile| profile.name == column)?.unit.as_deref();
    let last_word = column.rsplit(|c: char| !c.is_alphanumeric()).next();
    match unit.or(last_word)?.to_lowercase().as_str() {
        "d" | "day" | "days" => Some(365.25),
        "week" | "weeks" => Some(365.25 / 7.0),
        "month" | "months" => Some(12.0),
        "year" | "years" => Some(1.0),
        _ => None,
    }
}

pub(super) fn check(summary: &Summary, columns: &[Column], verdict: &mut Verdict) {
    verdict.checked("derived figures", 0);
    for claimed in &summary.profile.derived {
        let name = &claimed.name;
        let Some(ratio) = Ratio::named(name, summary, columns) else {
            verdict.wrong(SUMMARY, format!("derived figure {name}"), "given", "not to be had from the columns");
            continue;
        };
        let all = ratio.value(|column| Some(column.overall));
        let size = all.map_or(0.0, |(_, size)| size);
        verdict.compare(
            SUMMARY,
            || format!("all customers, {name}"),
            claimed.overall,
            all.map(|(value, _)| value),
            size,
        );
        for (at, figures) in claimed.clusters.iter().enumerate() {
            let own = ratio.value(|column| column.clusters.get(at).copied());
            let size = own.map_or(0.0, |(_, size)| size);
            let value = own.map(|(value, _)| value);
            verdict.compare(SUMMARY, || format!("cluster {at}, {name}"), figures.value, value, size);
            let index = value.zip(all).filter(|(value, (all, _))| *value >= 0.0 && *all > 0.0);
            let index = index.map(|(value, (all, _))| 100.0 * value / all);
            verdict.compare(SUMMARY, || format!("cluster {at}, index of {name}"), figures.index, index, 100.0);
        }
    }
}

/// The average value of an order as a column, where it plays the role of one: with the spread of money in all, as
/// multiples of the mean.
pub(super) fn order_value(summary: &Summary, columns: &[Column]) -> Option<Column> {
    const NAME: &str = "average_order_value";
    let plays = |role: &str, name: &str| {
        summary.playbook.roles.iter().any(|played| played.role == role && played.column.as_deref() == Some(name))
    };
    let is_column = columns.iter().any(|column| column.name == NAME);
    let ratio = Ratio::named(NAME, summary, columns).filter(|_| plays("order_value", NAME) && !is_column)?;
    let (all, size) = ratio.value(|column| Some(column.overall))?;
    let money = &ratio.above.overall;
    let variation = money.mean.filter(|mean| *mean > 0.0).and_then(|mean| Some(money.spread? / mean));
    let spread = variation.map(|variation| all * variation);
    let overall = Figures { mean: Some(all), spread, min: money.min, size, ..Figures::default() };
    let clusters = (0..ratio.above.clusters.len()).map(|at| {
        let own = ratio.value(|column| column.clusters.get(at).copied());
        Figures { mean: own.map(|(value, _)| value), ..Figures::default() }
    });
    Some(Column { name: NAME.to_owned(), overall, clusters: clusters.collect() })
}

pub(super) fn mixes(summary: &Summary, columns: &[Column], verdict: &mut Verdict) {
    verdict.checked("mixes", 0);
    for mix in &summary.profile.mixes {
        let parts: Option<Vec<&Column>> =
            mix.columns.iter().map(|name| columns.iter().find(|column| column.name == *name)).collect();
        let Some(parts) = parts else {
            verdict.wrong(SUMMARY, format!("mix {}", mix.name), "given", "not to be had from the columns");
            continue;
        };
        let all = Whole::of(parts.iter().map(|column| column.overall));
        let shares = all.is_whole().then(|| all.shares());
        compare(
            &format!("all customers, mix {}", mix.name),
            "share",
            mix.overall.as_deref(),
            shares.as_deref(),
            verdict,
        );
        for (at, claimed) in mix.clusters.iter().enumerate() {
            let own = Whole::of(parts.iter().filter_map(|column| column.clusters.get(at).copied()));
            let whose = format!("cluster {at}, mix {}", mix.name);
            of_cluster(&whose, claimed, mix.no_preference, &own, &all, verdict);
        }
    }
}

fn of_cluster(whose: &str, claimed: &MixFigures, limits: [f64; 2], own: &Whole, all: &Whole, verdict: &mut Verdict) {
    if own.is_unclear() {
        return;
    }
    let shares = own.is_whole().then(|| own.shares());
    compare(whose, "share", claimed.shares.as_deref(), shares.as_deref(), verdict);
    let both = own.is_whole() && all.is_whole();
    let indices: Option<Vec<Option<f64>>> = both.then(|| {
        let index = |(own, all): (f64, f64)| (all > 0.0).then_some(100.0 * own / all);
        own.shares().into_iter().zip(all.shares()).map(index).collect()
    });
    let claimed_indices = claimed.indices.as_ref();
    for (part, own) in indices.iter().flatten().enumerate() {
        let claimed = claimed_indices.and_then(|indices| indices.get(part)).copied().flatten();
        verdict.compare(SUMMARY, || format!("{whose}, index of part {part}"), claimed, *own, 100.0);
    }
    let present = || indices.iter().flatten().flatten();
    let near_limit = |index: &f64| limits.iter().any(|limit| (index - limit).abs() <= TOLERANCE * limit);
    let outcome = match () {
        () if own.parts.iter().any(|part| *part < 0.0) => MixOutcome::Negative,
        () if !own.is_whole() => MixOutcome::Nothing,
        () if !all.is_whole() => MixOutcome::NothingToCompare,
        () if present().all(|index| (limits[0]..=limits[1]).contains(index)) => MixOutcome::NoClearPreference,
        () => MixOutcome::Preference,
    };
    verdict.figure();
    if outcome != claimed.outcome && !present().any(near_limit) {
        verdict.wrong(SUMMARY, format!("{whose}, outcome"), format!("{:?}", claimed.outcome), format!("{outcome:?}"));
    }
}

fn compare(whose: &str, what: &str, claimed: Option<&[f64]>, own: Option<&[f64]>, verdict: &mut Verdict) {
    let parts = claimed.map_or(0, <[f64]>::len).max(own.map_or(0, <[f64]>::len));
    for part in 0..parts {
        let of = |shares: Option<&[f64]>| shares.and_then(|shares| shares.get(part)).copied();
        verdict.compare(SUMMARY, || format!("{whose}, {what} of part {part}"), of(claimed), of(own), 1.0);
    }
}

/// Sums that are parts of one whole.
struct Whole {
    parts: Vec<f64>,
    /// What errors of the sums are measured by.
    sizes: Vec<f64>,
}

impl Whole {
    fn of(figures: impl Iterator<Item = Figures>) -> Whole {
        let (parts, sizes) = figures.map(|figures| (figures.sum, figures.size * figures.weight)).unzip();
        Whole { parts, sizes }
    }

    /// Whether some part is so near to nothing, of large terms, that its sign cannot be told here.
    fn is_unclear(&self) -> bool {
        self.parts.iter().zip(&self.sizes).any(|(part, size)| part.abs() <= TOLERANCE * size && *size > 0.0)
    }

    fn is_whole(&self) -> bool {
        self.parts.iter().all(|part| *part >= 0.0) && self.parts.iter().any(|part| *part > 0.0)
    }

    fn shares(&self) -> Vec<f64> {
        let whole: f64 = self.parts.iter().sum();
        self.parts.iter().map(|part| part / whole).collect()
    }
}
