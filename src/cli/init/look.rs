//! Looks at the data once: how each number column is spread, and which column tells customers apart.

use crate::error::{Error, Kind, Result};
use crate::job::{DuplicateIds, FEATURES_MAX, SourceSettings};
use crate::observe::{Event, Observe};
use crate::source::{ColumnKind, Request, ScanSettings, Source};

const CHUNK_ROWS: usize = 65_536;
const MEMORY: u64 = 256 << 20;
/// Columns that are tried as the id, in the order of their promise; each costs a read of its own.
const ID_CANDIDATES_MAX: usize = 3;
/// Beyond this many rows an id is believed by its name alone: a key of each row is kept to compare them.
const ID_ROWS_MAX: u64 = 50_000_000;
/// Seed of the keys that ids are compared by.
const SEED: u64 = 42;

/// What was seen of a source.
pub struct Seen {
    pub n_rows: u64,
    pub id: Option<SeenId>,
    pub numbers: Vec<Numbers>,
    /// Names and kinds of the columns that are no numbers, and of numbers beyond the limit.
    pub others: Vec<(String, String)>,
}

pub struct SeenId {
    pub column: String,
    /// Whether all rows were compared.
    pub compared: bool,
}

/// How the values of a number column are spread.
pub struct Numbers {
    pub column: String,
    pub kind: ColumnKind,
    pub missing: u64,
    pub min: f64,
    pub max: f64,
    plain: Moments,
    logarithm: Moments,
}

impl Numbers {
    pub fn count(&self) -> u64 {
        self.plain.count
    }

    pub fn skewness(&self) -> f64 {
        self.plain.skewness()
    }

    /// Of ln(1 + x); meaningful where all values are at least 0.
    pub fn skewness_of_logarithms(&self) -> f64 {
        self.logarithm.skewness()
    }

    fn add(&mut self, values: &[f64]) {
        for &value in values {
            if !value.is_finite() {
                self.missing += 1;
                continue;
            }
            self.min = self.min.min(value);
            self.max = self.max.max(value);
            self.plain.add(value);
            if value > -1.0 {
                self.logarithm.add(libm::log1p(value));
            }
        }
    }
}

/// Central moments up to the third, updated value by value. They advise; no result depends on them.
#[derive(Default)]
struct Moments {
    count: u64,
    mean: f64,
    second: f64,
    third: f64,
}

impl Moments {
    fn add(&mut self, value: f64) {
        self.count += 1;
        let n = self.count as f64;
        let delta = value - self.mean;
        let part = delta / n;
        let term = delta * part * (n - 1.0);
        self.mean += part;
        self.third += term * part * (n - 2.0) - 3.0 * part * self.second;
        self.second += term;
    }

    /// 0 for a symmetric column, 2 for an exponential one.
    fn skewness(&self) -> f64 {
        if self.second <= 0.0 {
            return 0.0;
        }
        let n = self.count as f64;
        let variance = self.second / n;
        self.third / n / (variance * variance.sqrt())
    }
}

pub fn look(path: &str, observe: &Observe) -> Result<Seen> {
    let settings =
        SourceSettings { path: path.to_owned(), id: None, sample_weight: None, duplicate_ids: DuplicateIds::Keep };
    let source = Source::open(&settings, observe)?;
    let id = find_id(&source, &settings, observe)?;
    let mut numbers = Vec::new();
    let mut others = Vec::new();
    let mut wanted = Vec::new();
    for (index, column) in source.columns().iter().enumerate() {
        if id.as_ref().is_some_and(|id| id.column == column.name) {
            continue;
        }
        if !column.kind.is_numeric() || numbers.len() == FEATURES_MAX {
            others.push((column.name.clone(), column.kind.to_string()));
            continue;
        }
        wanted.push(index);
        numbers.push(Numbers {
            column: column.name.clone(),
            kind: column.kind.clone(),
            missing: 0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            plain: Moments::default(),
            logarithm: Moments::default(),
        });
    }
    let n_rows = source.n_rows();
    let request = Request { numbers: wanted, ids: false, ..Request::default() };
    scan(&source, &request, "look at columns", observe, |batch| {
        for (seen, values) in numbers.iter_mut().zip(&batch.numbers) {
            seen.add(values);
        }
        Ok(())
    })?;
    Ok(Seen { n_rows, id, numbers, others })
}

/// Scans with progress, batch by batch.
fn scan(
    source: &Source,
    request: &Request,
    stage: &'static str,
    observe: &Observe,
    mut each: impl FnMut(&crate::source::Batch) -> Result<()>,
) -> Result<()> {
    observe.event(Event::StageStarted { stage });
    let start = std::time::Instant::now();
    let scan = ScanSettings { chunk_rows: CHUNK_ROWS, memory: MEMORY };
    let rows = source.n_rows();
    source.scan(request, &scan, observe, &mut |batches| batches.iter().try_for_each(&mut each))?;
    let milliseconds = start.elapsed().as_secs_f64() * 1e3;
    observe.event(Event::StageFinished { stage, rows, bytes: 0, milliseconds });
    Ok(())
}

/// The first promising column whose values all differ.
fn find_id(source: &Source, settings: &SourceSettings, observe: &Observe) -> Result<Option<SeenId>> {
    let mut candidates: Vec<(u32, &str)> = source
        .columns()
        .iter()
        .enumerate()
        .filter(|(_, column)| matches!(column.kind, ColumnKind::Integer | ColumnKind::Text | ColumnKind::Binary))
        .filter_map(|(index, column)| Some((promise(&column.name, index)?, column.name.as_str())))
        .collect();
    candidates.sort();
    for (_, column) in candidates.into_iter().take(ID_CANDIDATES_MAX) {
        let settings = SourceSettings { id: Some(column.to_owned()), ..settings.clone() };
        let source = match Source::open(&settings, observe) {
            Ok(source) => source,
            // A folder's name, say, cannot be an id.
            Err(error) if error.kind() == Kind::BadData => continue,
            Err(error) => return Err(error),
        };
        let compared = source.n_rows() <= ID_ROWS_MAX;
        let verdict = if compared { all_differ(&source, observe) } else { Ok(true) };
        match verdict {
            Ok(true) => return Ok(Some(SeenId { column: column.to_owned(), compared })),
            Ok(false) => {}
            // A null among the ids.
            Err(error) if error.kind() == Kind::BadData => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// How well a name sounds like a customer's id: the lower the better, None for not at all. The first column is tried
/// whatever it is called.
fn promise(name: &str, index: usize) -> Option<u32> {
    let lower = name.to_lowercase();
    let customer = ["customer", "client", "user", "member", "household", "account", "cust"]
        .iter()
        .any(|word| lower.contains(word));
    let id = lower == "id"
        || lower.ends_with("_id")
        || lower.ends_with("-id")
        || lower.ends_with(" id")
        || name.ends_with("Id")
        || name.ends_with("ID")
        || lower.ends_with("key")
        || lower.ends_with("uuid")
        || lower.ends_with("number");
    match (customer, id) {
        (true, true) => Some(0),
        (false, true) => Some(1),
        (true, false) => Some(2),
        (false, false) => (index == 0).then_some(3),
    }
}

fn all_differ(source: &Source, observe: &Observe) -> Result<bool> {
    let mut keys: Vec<u64> = Vec::new();
    let request = Request { numbers: Vec::new(), ids: true, ..Request::default() };
    scan(source, &request, "compare ids", observe, |batch| {
        let ids = batch.ids.as_ref().ok_or_else(|| Error::bug("a scan without the ids it was asked for"))?;
        let first = keys.len();
        keys.resize(first + ids.len(), 0);
        ids.keys(SEED, keys.get_mut(first..).unwrap_or_default());
        Ok(())
    })?;
    keys.sort_unstable();
    Ok(keys.array_windows().all(|[a, b]| a != b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skewness_tells_a_long_tail_from_a_symmetric_column() {
        let of = |values: &[f64]| {
            let mut moments = Moments::default();
            values.iter().for_each(|&value| moments.add(value));
            moments.skewness()
        };
        assert_eq!(of(&[1.0, 2.0, 3.0]), 0.0);
        assert_eq!(of(&[5.0, 5.0]), 0.0);
        // Nine zeros and a one: (1 - 2p) / sqrt(p (1 - p)) with p = 0.1.
        let tail = of(&[0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert!((tail - 0.8 / 0.3).abs() < 1e-12, "{tail}");
    }

    #[test]
    fn names_that_sound_like_a_customers_id_are_tried_first() {
        let order = |names: &[&str]| -> Vec<Option<u32>> { names.iter().map(|name| promise(name, 1)).collect() };
        let found = order(&["customer_id", "CustomerID", "id", "orderKey", "client", "age", "paid"]);
        assert_eq!(found, [Some(0), Some(0), Some(1), Some(1), Some(2), None, None]);
        assert_eq!(promise("age", 0), Some(3));
    }
}
