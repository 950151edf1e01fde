//! What to do with each column that was seen, and why, in words that end up as comments of the job file. Every rule
//! is one that a person could follow with the same figures in hand.

use super::look::{Numbers, Seen};
use crate::job::{Missing, Transform};
use crate::source::ColumnKind;

/// A column with a longer tail than this is clustered on its logarithm: a few large values would otherwise get
/// clusters of their own. An exponential column has 2, a symmetric one 0.
const SKEWNESS_MAX: f64 = 1.0;

/// A column that lacks more of its values than this says more about who was asked than about the customers.
const MISSING_SHARE_MAX: f64 = 0.5;

/// The most clusters that are compared where nobody says.
const K_AUTO: u64 = 10;

/// What becomes of a column.
pub enum Choice {
    Feature {
        transform: Transform,
        missing: Missing,
        why: String,
    },
    /// Described, not clustered.
    Described {
        why: String,
    },
    LeftOut {
        why: String,
    },
}

pub fn choose(seen: &Numbers, n_rows: u64) -> Choice {
    let left_out = |why: &str| Choice::LeftOut { why: why.to_owned() };
    if seen.count() == 0 {
        return left_out("it holds no values");
    }
    if seen.min == seen.max {
        return left_out("all customers have the same value");
    }
    if sounds_like(&seen.column, &["cluster", "segment", "label", "persona"]) {
        return left_out("it sounds like the result of an earlier clustering");
    }
    if is_weight(&seen.column) {
        return left_out("it sounds like a sample weight: if it is one, name it as sample_weight under [source]");
    }
    if sounds_like_an_id(&seen.column) {
        return left_out("it sounds like an id: a number without a size");
    }
    if seen.kind == ColumnKind::Integer && seen.missing == 0 && seen.max - seen.min == (n_rows - 1) as f64 && n_rows > 2
    {
        return left_out("it seems to count the rows");
    }
    if matches!(seen.kind, ColumnKind::Date | ColumnKind::Timestamp) {
        return left_out("it is a point in time: days until a fixed date would be a feature");
    }
    let missing_share = seen.missing as f64 / n_rows as f64;
    if missing_share > MISSING_SHARE_MAX {
        return left_out(&format!("{} of its values are missing", percent(missing_share)));
    }
    if seen.kind == ColumnKind::Boolean {
        return Choice::Described { why: "it is true or false, and would split every cluster in two".to_owned() };
    }
    let (transform, spread) = transform(seen);
    let (missing, gaps) = match seen.missing {
        0 => (Missing::Error, String::new()),
        _ => (Missing::Median, format!("; {} missing, replaced by the median", percent(missing_share))),
    };
    Choice::Feature { transform, missing, why: format!("{spread}{gaps}") }
}

fn transform(seen: &Numbers) -> (Transform, String) {
    let range = format!("{} to {}", short(seen.min), short(seen.max));
    let skewness = seen.skewness();
    if skewness <= SKEWNESS_MAX {
        return (Transform::None, range);
    }
    if seen.min < 0.0 {
        let why = format!("{range}; a long tail (skewness {skewness:.1}), but log1p wants values of at least 0");
        return (Transform::None, why);
    }
    let after = seen.skewness_of_logarithms();
    if after.abs() > skewness / 2.0 {
        return (Transform::None, format!("{range}; a long tail (skewness {skewness:.1}) that log1p hardly shortens"));
    }
    (Transform::Log1p, format!("{range}; a long tail: skewness {skewness:.1}, {after:.1} after log1p"))
}

/// The column that shares of value are computed from: money first, the clearest word first.
pub fn value_column(seen: &Seen) -> Option<&str> {
    const WORDS: [&str; 12] = [
        "monetary",
        "revenue",
        "spent",
        "spend",
        "turnover",
        "lifetime_value",
        "clv",
        "ltv",
        "sales",
        "amount",
        "total",
        "value",
    ];
    WORDS.iter().find_map(|word| {
        let fits = |numbers: &&Numbers| {
            numbers.min >= 0.0
                && numbers.max > numbers.min
                && numbers.column.to_lowercase().contains(word)
                && matches!(numbers.kind, ColumnKind::Integer | ColumnKind::Float | ColumnKind::Decimal)
                && !sounds_like_an_id(&numbers.column)
                && !is_weight(&numbers.column)
        };
        seen.numbers.iter().find(fits).map(|numbers| numbers.column.as_str())
    })
}

/// What to say of the number of clusters, and why.
pub fn k(n_rows: u64) -> (String, &'static str) {
    match n_rows {
        1 => ("1".to_owned(), "there is one customer"),
        n if n < K_AUTO => {
            (format!("{:?}", format!("2..{n}")), "there are few customers; the report says why the number it chose")
        }
        _ => {
            ("\"auto\"".to_owned(), "2 to 10 are compared, and the report says why the one it chose; or give a number")
        }
    }
}

fn is_weight(column: &str) -> bool {
    matches!(column.to_lowercase().as_str(), "weight" | "weights" | "sample_weight")
}

fn sounds_like(column: &str, words: &[&str]) -> bool {
    let lower = column.to_lowercase();
    words
        .iter()
        .any(|word| lower == *word || lower.starts_with(&format!("{word}_")) || lower.ends_with(&format!("_{word}")))
}

fn sounds_like_an_id(column: &str) -> bool {
    sounds_like(column, &["id", "key", "uuid", "zip", "zipcode", "postcode", "phone"])
        || column.ends_with("Id")
        || column.ends_with("ID")
}

fn percent(share: f64) -> String {
    if share < 0.001 { "less than 0.1 %".to_owned() } else { format!("{:.1} %", 100.0 * share) }
}

/// A number for a comment: three or four digits tell enough.
fn short(value: f64) -> String {
    if value == value.trunc() && value.abs() < 1e7 {
        return format!("{value:.0}");
    }
    match value.abs() {
        size if !(1e-3..1e7).contains(&size) => format!("{value:.2e}"),
        size if size >= 100.0 => format!("{value:.0}"),
        _ => format!("{value:.2}"),
    }
}
