//! The files of a run. Ids are read once more from the source: they are never kept.

use std::sync::mpsc::sync_channel;

use serde::Serialize;

use super::measure::Measured;
use crate::error::{Error, Result};
use crate::features::FeatureModel;
use crate::grid::Grid;
use crate::job::Job;
use crate::kmeans::Fit;
use crate::observe::Observe;
use crate::profile::Map;
use crate::report::{self, Page, Summary};
use crate::source::{Request, ScanSettings, Source};
use crate::store::{
    ASSIGNMENTS, AssignmentWriter, ClusterNames, MODEL, Model, SUMMARY, Staging, check_file, input_hash,
};

/// Bytes that the ids of one wave may take, per thread and in all: enough for all threads, and yet several waves.
const WAVE_BYTES_PER_THREAD: u64 = 1 << 20;
const WAVE_BYTES_MAX: u64 = 8 << 20;

pub(super) fn assignments(
    staging: &mut Staging,
    source: &Source,
    job: &Job,
    features: &FeatureModel,
    names: &[ClusterNames],
    published: &Measured,
    fit: &Fit,
    observe: &Observe,
) -> Result<()> {
    // Only dropped rows make it necessary to look at numbers again.
    let coded = features.dropping().map(|name| source.column(name)).collect::<Result<_>>()?;
    let request = Request { coded, ids: true, ..Request::default() };
    let threads = match job.engine.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        given => given,
    };
    let memory = WAVE_BYTES_MAX.min(threads as u64 * WAVE_BYTES_PER_THREAD);
    let settings = ScanSettings { chunk_rows: job.engine.chunk_rows, memory };
    let mut writer = AssignmentWriter::for_source(staging.file(ASSIGNMENTS)?, source, names)?;
    let (mut row, mut inertia) = (0, 0);
    // While one wave is written, the next ones are read and measured.
    let (sender, waves) = sync_channel::<(Vec<_>, _)>(1);
    let (file, written) = std::thread::scope(|scope| {
        let writing = scope.spawn(move || {
            for (batches, rows) in waves {
                writer.push_ids(&batches, rows)?;
            }
            writer.finish()
        });
        let scanned = source.scan(&request, &settings, observe, &mut |wave| {
            let mut batches = Vec::with_capacity(wave.len());
            let first = row;
            for batch in wave {
                let kept = features.kept(&batch);
                row += kept.as_ref().map_or(batch.n_rows, |kept| kept.iter().filter(|kept| **kept).count());
                let ids = batch.ids.ok_or_else(|| Error::bug("a batch without the ids that were asked for"))?;
                batches.push((ids, kept));
            }
            let slice = published.slice(first..row, features.grid, threads)?;
            inertia += slice.inertia;
            sender.send((batches, slice.rows)).map_err(|_| Error::bug("the thread that writes ended"))
        });
        drop(sender);
        let written = writing.join().map_err(|_| Error::bug("the thread that writes ended"))?;
        // Where writing failed, the scan could only end too.
        written.and_then(|written| scanned.map(|()| written))
    })?;
    published.matrix().check()?;
    if row != published.matrix().n_rows() || inertia != fit.inertia {
        return Err(Error::bug("the published distances do not add up to the inertia, or rows are missing"));
    }
    staging.keep(file)?;
    check_file(&staging.path_of(ASSIGNMENTS), written)
}

pub(super) fn model(
    staging: &mut Staging,
    job: &Job,
    features: FeatureModel,
    fit: &Fit,
    names: &[ClusterNames],
) -> Result<()> {
    let model = Model::new(job.cluster.seed, features, &fit.centroids, &fit.published, names);
    staging.write(MODEL, model.json()?.as_bytes())
}

pub(super) fn summary(staging: &mut Staging, summary: &Summary) -> Result<()> {
    staging.write(SUMMARY, report::json(summary)?.as_bytes())
}

/// What is told of a run beside its assignments, and what it was made from.
pub(super) struct Told {
    markdown: String,
    html: String,
    pub(super) input_hash: String,
}

impl Told {
    pub(super) fn of(summary: &Summary, published: &Measured, grid: Grid) -> Told {
        let map = Map::of(published.matrix(), grid, published.labels());
        Told {
            markdown: report::markdown(summary),
            html: report::html(&Page { summary, map: map.as_ref() }),
            input_hash: input_hash(published.matrix()),
        }
    }
}

/// The same story for mail and for browsers.
pub(super) fn reports(staging: &mut Staging, told: &Told) -> Result<()> {
    staging.write("report.md", told.markdown.as_bytes())?;
    staging.write("report.html", told.html.as_bytes())
}

/// JSON as people read it.
pub(super) fn pretty(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec_pretty(value).map_err(|error| Error::bug(error.to_string()))
}
