//! The figures of a described table against plain sums and full sorts over its rows.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, DictionaryArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int16Type;
use parquet::arrow::ArrowWriter;
use segmint::error::{Error, Kind};
use segmint::features;
use segmint::job::{Feature, Job, Missing, Mix, SourceSettings, Transform};
use segmint::observe::Observe;
use segmint::profile::{MixOutcome, Profile, Quartiles, check_columns, describe};
use segmint::source::Source;

use crate::table::{Random, Table, job, plain};

const N_ROWS: usize = 5_000;
const N_CLUSTERS: usize = 3;

fn describe_at(folder: &std::path::Path, job: &Job, roles: &[(&str, &str)]) -> Result<(Profile, Vec<u16>), Error> {
    let observe = Observe::default();
    let settings = SourceSettings { path: folder.display().to_string(), ..job.source.clone() };
    let source = Source::open(&settings, &observe)?;
    check_columns(&source, job)?;
    let loaded = features::load(&source, job, &observe)?;
    let labels: Vec<u16> = loaded.matrix.keys().iter().map(|key| (key % N_CLUSTERS as u64) as u16).collect();
    let roles: Vec<(String, String)> =
        roles.iter().map(|(role, column)| (role.to_string(), column.to_string())).collect();
    let weights = loaded.matrix.weights();
    let profile = describe(&source, job, &loaded.features, &roles, &labels, weights, N_CLUSTERS, &observe)?;
    Ok((profile, labels))
}

fn described(table: &Table, job: &Job, roles: &[(&str, &str)]) -> (Profile, Vec<u16>) {
    let folder = tempfile::tempdir().unwrap();
    table.write(&folder.path().join("a.parquet"), 700);
    describe_at(folder.path(), job, roles).unwrap()
}

/// Values with gaps, ties, both signs and a few that are far beyond all others.
fn table() -> Table {
    let mut random = Random(5);
    let mut column = |of: &mut dyn FnMut(&mut Random) -> Option<f64>| -> Vec<Option<f64>> {
        (0..N_ROWS).map(|_| of(&mut random)).collect()
    };
    let spend = column(&mut |r| Some(libm::exp(8.0 * r.unit()) * if r.below(900) == 0 { 1e7 } else { 1.0 }));
    let orders = column(&mut |r| Some((1 + r.below(6)) as f64));
    let balance = column(&mut |r| (r.below(8) > 0).then(|| 1e6 * (r.unit() - 0.5)));
    let tenure = column(&mut |r| Some((30 + r.below(1500)) as f64));
    let weight = column(&mut |r| Some((1 + r.below(3)) as f64));
    Table::new(N_ROWS)
        .with_gaps("spend", spend)
        .with_gaps("orders", orders)
        .with_gaps("balance", balance)
        .with_gaps("tenure_days", tenure)
        .with_gaps("weight", weight)
}

/// As numpy.percentile gives them: linear between the two ranks around (n - 1) · q.
fn quartiles(mut values: Vec<f64>) -> Quartiles {
    values.sort_by(f64::total_cmp);
    let at = |quarter: usize| {
        let (rank, rest) = ((values.len() - 1) * quarter / 4, (values.len() - 1) * quarter % 4);
        let (low, high) = (values[rank], values[(rank + 1).min(values.len() - 1)]);
        low + (high - low) * (rest as f64 / 4.0)
    };
    Quartiles { lower: at(1), median: at(2), upper: at(3) }
}

#[test]
fn quartiles_are_those_of_a_full_sort_of_the_raw_values() {
    let features = vec![
        Feature { transform: Transform::Log1p, weight: 2.0, ..Feature::plain("spend") },
        Feature { transform: Transform::Clip { low: 2.0, high: 5.0 }, ..Feature::plain("orders") },
        Feature { missing: Missing::Median, ..Feature::plain("balance") },
    ];
    let mut job = job(features);
    job.source.sample_weight = Some("weight".into());
    job.profile.columns = vec!["tenure_days".into()];
    let table = table();
    let (profile, labels) = described(&table, &job, &[]);
    let close = |found: Option<Quartiles>, expected: Quartiles| {
        let found = found.unwrap();
        for (a, b) in [(found.lower, expected.lower), (found.median, expected.median), (found.upper, expected.upper)] {
            // Both round: ours once, the plain formula up to three times.
            assert!((a - b).abs() <= 4.0 * f64::EPSILON * b.abs().max(1.0), "{a} {b}");
        }
    };
    for column in &profile.columns {
        let values = &table.columns.iter().find(|(name, _)| *name == column.name).unwrap().1;
        close(column.overall.quartiles, quartiles(values.iter().copied().flatten().collect()));
        for (number, cluster) in column.clusters.iter().enumerate() {
            let own = values.iter().zip(&labels).filter(|(_, label)| usize::from(**label) == number);
            close(cluster.moments.quartiles, quartiles(own.filter_map(|(value, _)| *value).collect()));
        }
    }
}

#[test]
fn derived_figures_and_mixes_are_ratios_of_sums() {
    let mut job = job(plain(&["spend", "orders"]));
    job.profile.columns = vec!["tenure_days".into()];
    job.profile.mix = vec![Mix { name: "money".into(), columns: vec!["spend".into(), "balance".into()] }];
    job.profile.currency = Some("EUR".into());
    job.profile.units = vec![("tenure_days".into(), "days".into())];
    job.persona.value = Some("spend".into());
    // Nothing negative, so that there are shares.
    let table = table().map(|name, value| if name == "balance" { value.abs() } else { value });
    let roles = [("monetary", "spend"), ("frequency", "orders"), ("tenure", "tenure_days")];
    let (profile, labels) = described(&table, &job, &roles);
    let sum = |name: &str, cluster: Option<usize>| -> f64 {
        let values = &table.columns.iter().find(|(column, _)| column == name).unwrap().1;
        let own = values.iter().zip(&labels).filter(|(_, label)| cluster.is_none_or(|c| c == usize::from(**label)));
        own.filter_map(|(value, _)| *value).sum()
    };
    let close = |a: f64, b: f64| assert!((a - b).abs() <= 1e-12 * b.abs(), "{a} {b}");

    let [order_value, per_year] = &profile.derived[..] else { panic!("{:?}", profile.derived) };
    assert_eq!((order_value.name.as_str(), order_value.unit.as_deref()), ("average_order_value", Some("EUR")));
    assert_eq!(per_year.formula, "sum of orders / (sum of tenure_days / 365.25)");
    let mix = &profile.mixes[0];
    for cluster in 0..N_CLUSTERS {
        let own = |name: &str| sum(name, Some(cluster));
        close(order_value.clusters[cluster].value.unwrap(), own("spend") / own("orders"));
        close(per_year.clusters[cluster].value.unwrap(), own("orders") / (own("tenure_days") / 365.25));
        close(profile.clusters[cluster].value_share.unwrap(), own("spend") / sum("spend", None));
        let share = own("spend") / (own("spend") + own("balance"));
        let all = sum("spend", None) / (sum("spend", None) + sum("balance", None));
        let found = &mix.clusters[cluster];
        close(found.shares.as_ref().unwrap()[0], share);
        close(found.indices.as_ref().unwrap()[0].unwrap(), 100.0 * share / all);
        assert!(found.outcome == MixOutcome::Preference || found.outcome == MixOutcome::NoClearPreference);
    }
    let shares: f64 = profile.clusters.iter().filter_map(|cluster| cluster.value_share).sum();
    close(shares, 1.0);

    let unit = |name: &str| profile.columns.iter().find(|column| column.name == name).unwrap().unit.as_deref();
    assert_eq!([unit("spend"), unit("orders"), unit("tenure_days")], [Some("EUR"), None, Some("days")]);
    assert_eq!(profile.columns.iter().filter(|column| column.name == "balance").count(), 1, "mixes are described");
}

#[test]
fn a_mix_of_negative_sums_says_so() {
    let mut job = job(plain(&["orders"]));
    job.profile.mix = vec![Mix { name: "money".into(), columns: vec!["orders".into(), "balance".into()] }];
    let table = table().map(|name, value| if name == "balance" { -value.abs() } else { value });
    let (profile, _) = described(&table, &job, &[]);
    assert_eq!(profile.mixes[0].overall, None);
    assert!(profile.mixes[0].clusters.iter().all(|c| c.outcome == MixOutcome::Negative && c.shares.is_none()));
}

/// Ids, a number that drops some rows, and a channel and a flag, each column as given.
fn write(folder: &std::path::Path, channel: ArrayRef, flag: ArrayRef) {
    let n = channel.len();
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..n as i64));
    let spend: Float64Array = (0..n).map(|row| (row % 10 != 0).then_some((row % 17) as f64)).collect();
    let columns = [("id", ids), ("spend", Arc::new(spend)), ("channel", channel), ("flag", flag)];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let file = std::fs::File::create(folder.join("a.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn categories_are_counted_alike_as_text_and_as_dictionary_and_dropped_rows_are_not() {
    let mut random = Random(3);
    let words = ["web", "store", "catalogue", "fax"];
    let channel: Vec<Option<&str>> = (0..N_ROWS)
        .map(|row| match (row % 50, random.below(500)) {
            (1, _) => None,
            (_, 0) => Some("pigeon"),
            (_, any) => Some(words[any % 10 % 4]),
        })
        .collect();
    let flag: ArrayRef = Arc::new((0..N_ROWS).map(|row| Some(row % 3 == 0)).collect::<BooleanArray>());
    let mut job = job(vec![Feature { missing: Missing::Drop, ..Feature::plain("spend") }]);
    job.profile.columns = vec!["channel".into(), "flag".into()];
    let profile = |channel: ArrayRef| {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), channel, flag.clone());
        describe_at(folder.path(), &job, &[]).unwrap()
    };
    let (found, labels) = profile(Arc::new(StringArray::from(channel.clone())));
    let dictionary: DictionaryArray<Int16Type> = channel.iter().copied().collect();
    assert_eq!(profile(Arc::new(dictionary)).0, found);

    let kept: Vec<Option<&str>> = (0..N_ROWS).filter(|row| row % 10 != 0).map(|row| channel[row]).collect();
    let category = &found.categories[0];
    let of = |word: &str, cluster: Option<usize>| {
        let rows = kept.iter().zip(&labels).filter(|(_, label)| cluster.is_none_or(|c| c == usize::from(**label)));
        rows.filter(|(value, _)| **value == Some(word)).count() as u64
    };
    assert_eq!((category.name.as_str(), category.distinct), ("channel", Some(5)));
    let all: u64 = category.overall.count;
    assert_eq!(all, kept.iter().flatten().count() as u64);
    assert!(of("pigeon", None) < 20, "rare enough to be hidden");
    for (number, figures) in category.clusters.iter().enumerate() {
        let shown: Vec<&str> = figures.values.iter().map(|value| value.value.as_str()).collect();
        assert!(shown.len() >= 3 && !shown.contains(&"pigeon"), "{shown:?}");
        for value in &figures.values {
            let count = of(&value.value, Some(number));
            assert_eq!((value.count, value.share), (count, count as f64 / figures.count as f64));
            let index = 100.0 * value.share / (of(&value.value, None) as f64 / all as f64);
            assert!((value.index - index).abs() <= 1e-12 * index);
        }
        let listed: u64 = figures.values.iter().map(|value| value.count).sum();
        assert_eq!(listed + figures.other.as_ref().unwrap().count, figures.count);
    }
    let flags = &found.categories[1].overall;
    assert_eq!(flags.values[0].value, "false");
    assert_eq!(flags.values.iter().map(|value| value.count).sum::<u64>(), kept.len() as u64);
    assert!(found.columns.iter().all(|column| column.name == "spend"), "text has no moments");
}

#[test]
fn what_cannot_be_described_is_refused_before_any_work() {
    let folder = tempfile::tempdir().unwrap();
    let text: ArrayRef = Arc::new(StringArray::from(vec!["x"; 100]));
    write(folder.path(), text.clone(), text);
    let refused = |change: &dyn Fn(&mut Job)| {
        let mut job = job(vec![Feature { missing: Missing::Drop, ..Feature::plain("spend") }]);
        change(&mut job);
        let error = describe_at(folder.path(), &job, &[]).unwrap_err();
        assert_eq!(error.kind(), Kind::BadData);
        format!("{error} | {}", error.hint_text().unwrap_or(""))
    };
    let mix = |name: &str| vec![Mix { name: "m".into(), columns: vec!["spend".into(), name.into()] }];
    assert!(
        refused(&|job| job.profile.mix = mix("channel")).contains("\"channel\" is to be described and is not numeric")
    );
    assert!(refused(&|job| job.profile.mix = mix("spent")).contains("did you mean \"spend\"?"));
    assert!(refused(&|job| job.profile.columns = vec!["chanel".into()]).contains("did you mean \"channel\"?"));
    let units = vec![("spent".to_owned(), "EUR".to_owned())];
    assert!(refused(&|job| job.profile.units = units.clone()).contains("did you mean \"spend\"?"));
}
