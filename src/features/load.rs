//! The load path: from a source to a matrix on the grid.
//!
//! There are two ways with the same bits. *One read* keeps the transformed values in memory at twice the size of the
//! grid and turns them into grid values in place. *Two reads* keeps nothing but statistics of the first read and writes
//! grid values in the second; medians and robust scalings cost some passes more over the source there, three as a rule,
//! six at most for all medians together and six for all quartiles. The memory setting chooses, and where it allows for
//! neither, the second read writes to a spill file.

use std::time::Instant;

use crate::error::{Error, Result};
use crate::grid::{Grid, Matrix, PANEL_ROWS};
use crate::job::Job;
use crate::observe::{Event, Observe};
use crate::source::{ScanSettings, Source};
use crate::spill::{Place, Writer};

use super::centre::Centre;
use super::fit::{self, ColumnFacts, Fitted, Values};
use super::model::{FeatureModel, FittedFeature};
use super::panels::{Quarters, Settled};
use super::plan::Plan;
use super::quartering::Quartering;
use super::rows::{Ids, Reading, Rows};
use super::sample_weight::WeightStep;
use super::step::{Candidates, Step};
use super::stored::Stored;
use super::visits::{InMemory, Streamed};
use super::wave::Wave;
use super::ways::{Reads, Ways};

const STAGE: &str = "read";
const SPILL: &str = "spill";

/// A feature with fewer steps than this in its root mean square is named in a warning.
const STEPS_MIN: f64 = 256.0;

/// A loaded source.
#[derive(Debug)]
pub struct Loaded {
    pub features: FeatureModel,
    pub matrix: Matrix,
    pub rows: RowCounts,
    /// How often the values were read, as the memory allowed.
    pub reads: Reads,
}

/// What became of the rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowCounts {
    pub read: u64,
    pub kept: u64,
    /// Why rows were left out, and how many; only what happened.
    pub dropped: Vec<(String, u64)>,
}

/// How many features a job has over a source.
pub fn count(source: &Source, job: &Job) -> Result<usize> {
    Ok(Plan::new(source, job)?.n_features())
}

/// Reads a source into a matrix, with what was fitted on the way.
pub fn load(source: &Source, job: &Job, observe: &Observe) -> Result<Loaded> {
    let started = Instant::now();
    observe.event(Event::StageStarted { stage: STAGE });
    let plan = Plan::new(source, job)?;
    let ways = Ways::of(source.n_rows(), plan.n_features() as u64, job)?;
    let loader = Loader { source, job, plan: &plan, settings: ways.settings, observe };

    let mut first = loader.first_read(ways.reads)?;
    loader.check(&first)?;
    let keys = loader.distinct(std::mem::take(&mut first.keys), &first.rising)?;
    let n_rows = keys.len();
    let facts = std::mem::take(&mut first.facts);
    let weight_step = first.weight_facts.step();
    let written = match first.stored.take() {
        Some(stored) => loader.convert(facts, stored, first.weights.take(), weight_step)?,
        None => loader.second_read(facts, n_rows, weight_step, ways.spill.as_ref())?,
    };
    observe.check_stop()?;

    let Written { fitted, candidates, quarters, weights } = written;
    let step = candidates.choose(quarters.classes());
    let Settled { panels, reach, wide, facts } = loader.settle(quarters, step, weights.as_deref())?;
    let grid = Grid { exponent: step.exponent };
    warn_of_coarse_features(&fitted, grid, observe);
    let matrix = Matrix::assemble(n_rows, plan.n_features(), panels, reach, wide, weights, keys, facts);
    let matrix = matrix.with_beside(ways.beside);
    observe.event(Event::StageFinished {
        stage: STAGE,
        rows: first.counts.read,
        bytes: std::mem::size_of_val(matrix.panels()) as u64,
        milliseconds: started.elapsed().as_secs_f64() * 1e3,
    });
    Ok(Loaded {
        features: FeatureModel { grid, features: fitted.features },
        matrix,
        rows: first.counts,
        reads: ways.reads,
    })
}

/// What every read of a load needs to know.
pub(super) struct Loader<'a> {
    pub source: &'a Source,
    pub job: &'a Job,
    pub plan: &'a Plan,
    pub settings: ScanSettings,
    pub observe: &'a Observe,
}

/// All values written down for any step, and what was fitted to get there.
struct Written {
    fitted: Fitted,
    candidates: Candidates,
    quarters: Quarters,
    weights: Option<Vec<u16>>,
}

impl Loader<'_> {
    /// The rest of the way where all values are in memory.
    fn convert(
        &self,
        facts: Vec<ColumnFacts>,
        stored: Stored,
        weights: Option<Vec<f64>>,
        weight_step: WeightStep,
    ) -> Result<Written> {
        let weights = weights.map(|w| w.into_iter().map(|w| weight_step.round(w)).collect::<Vec<u16>>());
        let mut values = InMemory { plan: self.plan, stored, weights };
        let (fitted, candidates, quartering) = self.fit(facts, &mut values)?;
        self.observe.check_stop()?;
        let InMemory { stored, weights, .. } = values;
        let quarters = stored.into_quarters(&quartering, weights.as_deref());
        Ok(Written { fitted, candidates, quarters, weights })
    }

    /// The rest of the way where the values are read again, into memory or into a file.
    fn second_read(
        &self,
        facts: Vec<ColumnFacts>,
        n_rows: usize,
        weight_step: WeightStep,
        spill: Option<&Place>,
    ) -> Result<Written> {
        let (fitted, candidates, quartering) = self.fit(facts, &mut Streamed { loader: self })?;
        let fills: Vec<Option<f64>> = fitted.features.iter().map(|f| f.fill).collect();
        let mut weights: Option<Vec<u16>> = self.plan.weight.map(|_| Vec::with_capacity(n_rows));
        let n_features = self.plan.n_features();
        let mut quarters = match spill {
            None => Quarters::with_room(n_rows, n_features),
            Some(place) => {
                Quarters::in_file(Writer::create(place, n_features, n_rows.div_ceil(PANEL_ROWS))?, n_features)
            }
        };
        let reading = Reading::new(self.plan, &fills, Ids::NotRead, |_| true);
        reading.scan(self.source, &self.settings, self.observe, &mut |wave| {
            let rows: Vec<Rows> = wave.into_iter().map(|(_, rows)| rows).collect();
            if let Some(weights) = &mut weights {
                let new = rows.iter().flat_map(|rows| rows.weights.iter().flatten());
                weights.extend(new.map(|w| weight_step.round(*w)));
            }
            let wave = Wave::new(quarters.n_rows(), &rows);
            if wave.end() > n_rows {
                return Err(changed());
            }
            quarters.append(&wave, &quartering, weights.as_deref())
        })?;
        if quarters.n_rows() != n_rows {
            return Err(changed());
        }
        Ok(Written { fitted, candidates, quarters, weights })
    }

    /// Grid values of the step that was chosen.
    fn settle(&self, quarters: Quarters, step: Step, weights: Option<&[u16]>) -> Result<Settled> {
        if !quarters.is_in_file() {
            return quarters.settle(step, weights);
        }
        self.observe.event(Event::StageStarted { stage: SPILL });
        let (started, rows) = (Instant::now(), quarters.n_rows() as u64);
        let settled = quarters.settle(step, weights)?;
        let bytes = settled.panels.file().map_or(0, |file| file.bytes());
        let milliseconds = started.elapsed().as_secs_f64() * 1e3;
        self.observe.event(Event::StageFinished { stage: SPILL, rows, bytes, milliseconds });
        Ok(settled)
    }

    fn fit(&self, facts: Vec<ColumnFacts>, values: &mut dyn Values) -> Result<(Fitted, Candidates, Quartering)> {
        let fitted = fit::fit(self.plan, facts, values, self.observe)?;
        let candidates = Candidates::of(fitted.rms.iter().fold(0.0, |a, b| a.max(*b)));
        let centres: Vec<Centre> = fitted.features.iter().map(FittedFeature::centre).collect();
        Ok((fitted, candidates, Quartering::new(&centres, candidates)))
    }
}

pub(super) fn changed() -> Error {
    Error::bad_data("the data changed between two reads").hint("run again once nothing writes to the source")
}

/// Names features whose values lie on few steps: the step is shared, and other features are much wider.
fn warn_of_coarse_features(fitted: &Fitted, grid: Grid, observe: &Observe) {
    for (feature, rms) in fitted.features.iter().zip(&fitted.rms) {
        let steps = rms / grid.step();
        if !feature.constant && steps < STEPS_MIN {
            observe.warn_data(format!(
                "column {:?} is narrow beside the others: its standard deviation is only {steps:.1} steps of the grid;                  scale the features alike, or raise its weight",
                feature.column
            ));
        }
    }
}
