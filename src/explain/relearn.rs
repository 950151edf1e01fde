//! Rules for a run that has none: the sample that the run would have taken, read again from its input, with the clusters
//! that stand in its assignments.

use crate::error::{Error, Result};
use crate::features::FeatureModel;
use crate::observe::Observe;
use crate::rules::{self, Column, Rules};
use crate::source::{Batch, Request, ScanSettings, Source};
use crate::store::{Model, Run};

/// Rows read together, and bytes a wave of them may take.
const SCAN: ScanSettings = ScanSettings { chunk_rows: 65_536, memory: 64 << 20 };

/// What the run itself would have found.
pub(super) fn rules(run: &Run, model: &Model, data: Option<&str>, observe: &Observe) -> Result<Option<Rules>> {
    let source = Source::open(&run.source(data)?, observe)?;
    let features = &model.features;
    let clusters = clusters(run, model, observe)?;
    let keys = keys(&source, features, model.seed, observe)?;
    if keys.len() != clusters.len() {
        return Err(Error::bad_data(format!(
            "the input has {} customers for the run's {}: it is not what the run read",
            keys.len(),
            clusters.len()
        ))
        .hint("name the input of the run with --data"));
    }
    let picked = rules::pick(&keys, features.features.len());
    let values = values(&source, features, &picked, observe)?;
    let columns = features.features.iter().zip(values);
    let columns: Vec<Column> =
        columns.map(|(feature, values)| Column { name: &feature.column, values, fill: feature.fill }).collect();
    let labels: Vec<u16> = picked.iter().map(|&row| clusters[row]).collect();
    let keys: Vec<u64> = picked.iter().map(|&row| keys[row]).collect();
    Ok(rules::learn(&columns, &labels, &keys, model.clusters.len()))
}

/// The published number of every row.
fn clusters(run: &Run, model: &Model, observe: &Observe) -> Result<Vec<u16>> {
    let source = run.assignments(observe)?;
    let request = Request { numbers: vec![source.column("cluster")?], ..Request::default() };
    let mut clusters = Vec::new();
    source.scan(&request, &SCAN, observe, &mut |wave| {
        for number in wave.iter().flat_map(|batch| batch.numbers.iter().flatten()) {
            let known = *number >= 0.0 && *number < model.clusters.len() as f64;
            let cluster = known.then_some(*number as u16);
            clusters.push(
                cluster.ok_or_else(|| Error::bad_data("a customer is in a cluster that the model does not have"))?,
            );
        }
        Ok(())
    })?;
    Ok(clusters)
}

/// The order keys of the rows that were clustered.
fn keys(source: &Source, features: &FeatureModel, seed: u64, observe: &Observe) -> Result<Vec<u64>> {
    let coded = features.dropping().map(|name| source.column(name)).collect::<Result<_>>()?;
    let request = Request { coded, ids: true, ..Request::default() };
    let mut keys = Vec::new();
    source.scan(&request, &SCAN, observe, &mut |wave| {
        for batch in wave {
            let ids = batch.ids.as_ref().ok_or_else(|| Error::bug("a batch without the ids that were asked for"))?;
            let mut of_batch = vec![0; batch.n_rows];
            ids.keys(seed, &mut of_batch);
            keys.extend(kept(features, &batch).map(|row| of_batch[row]));
        }
        Ok(())
    })?;
    Ok(keys)
}

/// The values of the picked rows, feature by feature.
fn values(source: &Source, features: &FeatureModel, picked: &[usize], observe: &Observe) -> Result<Vec<Vec<f64>>> {
    let names = features.dropping().chain(features.columns());
    let coded = names.map(|name| source.column(name)).collect::<Result<_>>()?;
    let request = Request { coded, ..Request::default() };
    let n_dropping = features.dropping().count();
    let mut values = vec![Vec::with_capacity(picked.len()); features.features.len()];
    let mut wanted = picked.iter().copied().peekable();
    let mut row = 0;
    source.scan(&request, &SCAN, observe, &mut |wave| {
        for batch in wave {
            for place in kept(features, &batch) {
                if wanted.next_if_eq(&row).is_some() {
                    for (values, column) in values.iter_mut().zip(batch.coded.iter().skip(n_dropping)) {
                        values.push(column.at(place));
                    }
                }
                row += 1;
            }
        }
        Ok(())
    })?;
    Ok(values)
}

/// Places of the rows of a batch that were clustered.
fn kept(features: &FeatureModel, batch: &Batch) -> impl Iterator<Item = usize> {
    let kept = features.kept(batch);
    (0..batch.n_rows).filter(move |&row| kept.as_ref().is_none_or(|kept| kept[row]))
}
