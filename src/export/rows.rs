//! The rows of a list: the chosen customers of `assignments.parquet`, beside them their values of some columns of the
//! input. Both are in the order of the input; rows that the run dropped are passed over there, and ids must agree.

use arrow::array::{Array, ArrayRef, UInt32Array};
use arrow::compute::{cast, take};
use arrow::datatypes::DataType;

use super::other_input;
use super::surest::{Figures, Portion};
use crate::error::{Error, Kind, Result};
use crate::features::FeatureModel;
use crate::observe::Observe;
use crate::source::{Batch, Ids, Pulled, Request, ScanSettings, Source, pulled};
use crate::store::Run;

/// Rows read together, and bytes a wave of them may take.
const SCAN: ScanSettings = ScanSettings { chunk_rows: 65_536, memory: 32 << 20 };

/// Seed of the keys that order customers of one margin; any will do, and this one stays.
const KEY_SEED: u64 = 1;

/// The run's input, and what is wanted of it.
pub(super) struct Input {
    pub source: Source,
    features: FeatureModel,
    request: Request,
    pub columns: Vec<String>,
}

impl Input {
    pub fn open(run: &Run, data: Option<&str>, columns: &[String], observe: &Observe) -> Result<Input> {
        let features = run.model()?.features;
        let source = Source::open(&run.source(data)?, observe).map_err(|error| match (error.kind(), data) {
            (Kind::InputMissing, None) => {
                error.hint("columns are read from the run's input: say with --data where it lies now")
            }
            _ => error,
        })?;
        let request = Request {
            coded: features.dropping().map(|name| source.column(name)).collect::<Result<_>>()?,
            values: columns.iter().map(|name| source.column(name)).collect::<Result<_>>()?,
            ids: true,
            ..Request::default()
        };
        Ok(Input { source, features, request, columns: columns.to_vec() })
    }
}

/// Where the rows come from, and whose are wanted.
pub(super) struct Rows<'a> {
    pub assignments: &'a Source,
    pub input: Option<&'a Input>,
    /// By published number.
    pub chosen: &'a [bool],
    pub observe: &'a Observe,
}

impl Rows<'_> {
    /// Hands on the chosen customers, in the order of the input.
    pub fn each(&self, hand_on: &mut dyn FnMut(Portion) -> Result<()>) -> Result<()> {
        let figures = ["cluster", "distance", "margin"].map(|name| self.assignments.column(name));
        let request = Request { numbers: figures.into_iter().collect::<Result<_>>()?, ids: true, ..Request::default() };
        match self.input {
            None => self.assignments.scan(&request, &SCAN, self.observe, &mut |wave| {
                for batch in wave {
                    let assigned = Assigned::of(batch)?;
                    let n_rows = assigned.figures.len();
                    let (rows, at) = self.select(assigned.figures.iter().zip(0..));
                    let Some(ids) = assigned.ids else { continue };
                    let ids = if at.len() == n_rows { ids.array().clone() } else { taken(ids.array(), &at)? };
                    hand_on(Portion { rows, columns: vec![as_it_is(&ids)?] })?;
                }
                Ok(())
            }),
            Some(input) => pulled(self.assignments, &request, &SCAN, self.observe, |assigned| {
                let mut assigned = Assignments { batches: assigned, current: Assigned::default(), next: 0 };
                input.source.scan(&input.request, &SCAN, self.observe, &mut |wave| {
                    for batch in wave {
                        self.join(input, &batch, &mut assigned, hand_on)?;
                    }
                    Ok(())
                })?;
                match assigned.fill()? {
                    false => Ok(()),
                    true => Err(other_input("it holds fewer customers")),
                }
            }),
        }
    }

    /// A batch of the input with what the run says of its rows.
    fn join(
        &self,
        input: &Input,
        batch: &Batch,
        assigned: &mut Assignments,
        hand_on: &mut dyn FnMut(Portion) -> Result<()>,
    ) -> Result<()> {
        let kept = input.features.kept(batch);
        let is_kept = |row: &u32| kept.as_ref().is_none_or(|kept| kept.get(*row as usize).copied().unwrap_or(false));
        let kept: Vec<u32> = (0u32..).take(batch.n_rows).filter(is_kept).collect();
        let ids = batch.ids.as_ref().ok_or_else(|| Error::bug("a batch without the ids that were asked for"))?;
        let mut rest = kept.as_slice();
        while !rest.is_empty() {
            if !assigned.fill()? {
                return Err(other_input("it holds more customers"));
            }
            let (current, from) = (&assigned.current, assigned.next);
            let n_rows = rest.len().min(current.figures.len() - from);
            let (here, later) = rest.split_at(n_rows);
            let same = |known: &Ids| here.iter().zip(from..).all(|(&row, at)| ids.equal(row as usize, known, at));
            if !current.ids.as_ref().is_some_and(same) {
                return Err(other_input("its ids are others, or stand in another order"));
            }
            let (rows, at) = self.select(current.figures.iter().skip(from).zip(here.iter().copied()));
            let mut columns = vec![as_it_is(&taken(ids.array(), &at)?)?];
            for values in &batch.values {
                columns.push(as_it_is(&taken(values, &at)?)?);
            }
            hand_on(Portion { rows, columns })?;
            assigned.next += n_rows;
            rest = later;
        }
        Ok(())
    }

    /// Of some rows with their places in a batch, those that are chosen.
    fn select<'r>(&self, rows: impl Iterator<Item = (&'r Figures, u32)>) -> (Vec<Figures>, Vec<u32>) {
        rows.filter(|(row, _)| self.chosen.get(usize::from(row.cluster)).copied().unwrap_or(false))
            .map(|(row, at)| (*row, at))
            .unzip()
    }
}

/// A batch of `assignments.parquet`.
#[derive(Default)]
struct Assigned {
    figures: Vec<Figures>,
    /// Absent before the first batch.
    ids: Option<Ids>,
}

impl Assigned {
    fn of(batch: Batch) -> Result<Assigned> {
        let unread = || Error::bug("a batch without the columns that were asked for");
        let ids = batch.ids.ok_or_else(unread)?;
        let mut keys = vec![0; ids.len()];
        ids.keys(KEY_SEED, &mut keys);
        let [clusters, distances, margins] = batch.numbers.as_slice() else { return Err(unread()) };
        let rows = clusters.iter().zip(distances).zip(margins).zip(keys).zip(batch.first_row..);
        let figures = rows.map(|((((&cluster, &distance), &margin), key), row)| Figures {
            // A number that is none belongs to no cluster that was chosen.
            cluster: if (0.0..f64::from(u16::MAX)).contains(&cluster) { cluster as u16 } else { u16::MAX },
            distance,
            margin,
            key,
            row,
        });
        Ok(Assigned { figures: figures.collect(), ids: Some(ids) })
    }
}

/// What the run says, row after row.
struct Assignments<'a> {
    batches: &'a mut Pulled,
    current: Assigned,
    /// In the current batch.
    next: usize,
}

impl Assignments<'_> {
    /// Makes sure that the current batch has a row left; false where there is none.
    fn fill(&mut self) -> Result<bool> {
        while self.next >= self.current.figures.len() {
            let Some(batch) = self.batches.next_batch()? else { return Ok(false) };
            self.current = Assigned::of(batch)?;
            self.next = 0;
        }
        Ok(true)
    }
}

fn taken(array: &ArrayRef, at: &[u32]) -> Result<ArrayRef> {
    take(array, &UInt32Array::from(at.to_vec()), None)
        .map_err(|error| Error::bug("rows that cannot be taken").because(error))
}

/// The type that values are listed with: a dictionary is what it holds, and a view of a text is that text, so that no
/// value keeps more alive than itself.
pub(super) fn listed_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Dictionary(_, values) => listed_type(values),
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        other => other.clone(),
    }
}

fn as_it_is(array: &ArrayRef) -> Result<ArrayRef> {
    let listed = listed_type(array.data_type());
    if listed == *array.data_type() {
        return Ok(array.clone());
    }
    cast(array, &listed).map_err(|error| Error::bad_data("a column cannot be listed").because(error.to_string()))
}
