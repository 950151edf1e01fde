//! `segmint export`: the customers of some segments of a published run, as a list that a campaign tool loads.
//!
//! A list is what the run says of each customer (names, distance, margin) and, where asked for, columns of the input,
//! read again and matched by id, the surest customers first. Memory is bounded whatever the number of customers: a list
//! that is larger than that is put in order by several reads. This room decides nothing about a customer and changes no
//! run; it refuses a list whose input is not the run's.

mod cells;
mod chosen;
mod list;
mod place;
mod rows;
mod surest;

use std::io::Write;
use std::path::Path;

use self::list::{Field, List};
use self::rows::{Input, Rows};
use self::surest::{Limits, Surest};
use crate::error::{Error, Kind, Result};
use crate::observe::Observe;
use crate::source::Source;
use crate::store::Run;

pub use self::place::Existing;

/// Bytes that customers who wait for their place in the list may take.
const WAITING_BYTES: usize = 128 << 20;

/// Rows written together.
const PORTION_ROWS: usize = 8192;

/// What a list shall hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Names of personas or segments.
    pub personas: Vec<String>,
    /// Published numbers.
    pub clusters: Vec<usize>,
    /// Columns of the input, behind those of the run.
    pub columns: Vec<String>,
    /// The surest so many; all where it is absent.
    pub top: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// RFC 4180, UTF-8, with a header; no text in it is a formula to a spreadsheet.
    Csv,
    Parquet,
}

/// A list that can be written: its segments are known, and its input is there.
pub struct Export {
    assignments: Source,
    input: Option<Input>,
    clusters: Vec<usize>,
    names: Vec<(String, Option<String>)>,
    fields: Vec<Field>,
    top: u64,
    waiting_bytes: usize,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    pub customers: u64,
    /// Of the segments that were asked for, by number.
    pub segments: Vec<(usize, String)>,
}

impl Export {
    /// Finds the segments, and opens what the list is read from. `data` says where the run's input lies now; it is needed
    /// for columns of the input only.
    pub fn prepare(folder: &Path, data: Option<&str>, wanted: &Wanted, observe: &Observe) -> Result<Export> {
        let run = Run::open(folder)?;
        let summary = run.summary()?;
        let clusters = chosen::clusters(&summary, wanted)?;
        let assignments = run.assignments(observe)?;
        let input = match wanted.columns.as_slice() {
            [] => None,
            columns => Some(Input::open(&run, data, columns, observe)?),
        };
        let fields = list::fields(&assignments, input.as_ref())?;
        let names = summary.clusters.into_iter().map(|cluster| (cluster.persona, cluster.second_persona));
        Ok(Export {
            assignments,
            input,
            clusters,
            names: names.collect(),
            fields,
            top: wanted.top.unwrap_or(u64::MAX),
            waiting_bytes: WAITING_BYTES,
        })
    }

    /// The same list from less memory, with more reads: for tests.
    #[doc(hidden)]
    pub fn within(self, waiting_bytes: usize) -> Export {
        Export { waiting_bytes, ..self }
    }

    /// Writes the list to a file, which appears when it is complete, or not at all.
    pub fn write_file(&self, format: Format, path: &Path, existing: Existing, observe: &Observe) -> Result<Exported> {
        place::write(path, existing, |out| self.write(format, out, observe))
    }

    /// Writes the list.
    pub fn write(&self, format: Format, out: &mut (dyn Write + Send), observe: &Observe) -> Result<Exported> {
        let chosen: Vec<bool> = (0..self.names.len()).map(|cluster| self.clusters.contains(&cluster)).collect();
        let rows = Rows { assignments: &self.assignments, input: self.input.as_ref(), chosen: &chosen, observe };
        let mut customers = 0;
        let mut list: Option<List> = None;
        let mut out = Some(out);
        let mut last = None;
        loop {
            let limits = Limits { bytes: self.waiting_bytes, rows: self.top - customers };
            let mut surest = Surest::after(last, limits);
            rows.each(&mut |portion| surest.add(portion))?;
            // Whatever is wrong with the input is known by now: nothing was written before it.
            let list = match (&mut list, out.take()) {
                (Some(list), _) => list,
                (none, Some(out)) => none.insert(List::begin(format, out, &self.fields, &self.names)?),
                (None, None) => return Err(Error::bug("a list without an end")),
            };
            let more = surest.is_partial();
            surest.sort();
            for portion in surest.portions(PORTION_ROWS) {
                observe.check_stop()?;
                let portion = portion?;
                customers += portion.rows.len() as u64;
                list.write(&portion)?;
            }
            last = surest.last().or(last);
            if !more || customers >= self.top {
                break;
            }
        }
        if let Some(list) = list {
            list.finish()?;
        }
        let segments = self.clusters.iter().filter_map(|&cluster| Some((cluster, self.names.get(cluster)?.0.clone())));
        Ok(Exported { customers, segments: segments.collect() })
    }
}

fn other_input(what: &str) -> Error {
    Error::bad_data(format!("the input is not the one that the run was made from: {what}"))
        .hint("say with --data where that input lies, or run the job again on the new one")
}

/// The list cannot be written where it shall go.
fn unwritable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(Kind::Io, "cannot write the list").because(error)
}
