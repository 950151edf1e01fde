//! Reading rows: wave after wave in the order of the source, the row groups and columns of a wave in parallel.
//!
//! A wave holds as many small row groups as memory allows. A row group that alone is larger than that is read in
//! several waves, its columns in parallel. How rows are cut into waves and batches never changes a value.

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;

use super::coded::Numbers;
use super::columns::ColumnKind;
use super::ids::Ids;
use super::open::{Lies, Source};
use super::texts::Texts;
use crate::error::{Error, Result};
use crate::observe::{Event, Observe};

/// Files open at once within a wave.
const WAVE_FILES_MAX: usize = 64;
/// Row groups of a wave; bounds what a source of many tiny row groups keeps in flight.
const WAVE_GROUPS_MAX: usize = 4096;
/// Taken for a value whose width the footer does not tell.
const VALUE_BYTES: u64 = 16;

/// What is wanted of every row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// Columns wanted as f64.
    pub numbers: Vec<usize>,
    /// Columns wanted as f64 too, but as places in a list where there are few.
    pub coded: Vec<usize>,
    /// Columns wanted as text; distinct.
    pub texts: Vec<usize>,
    /// Columns wanted as they are, whatever their type; distinct.
    pub values: Vec<usize>,
    /// The id column too, or row numbers where there is none.
    pub ids: bool,
}

/// How much is read at once. Changes time and memory, never a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScanSettings {
    /// Rows of a batch at most; at least 1.
    pub chunk_rows: usize,
    /// Bytes that the batches of one wave may hold, about. A wave is never less than one batch.
    pub memory: u64,
}

/// Successive rows of one row group.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Row number of the first row over the whole source.
    pub first_row: u64,
    pub file: usize,
    pub row_group: usize,
    /// Row number of the first row within its file.
    pub row_in_file: u64,
    pub n_rows: usize,
    /// The columns of the request in its order, `n_rows` values each. A null is [`NULL`](super::NULL); NaN and infinities are
    /// themselves; no finite value is beyond [`MAGNITUDE_MAX`](super::MAGNITUDE_MAX).
    pub numbers: Vec<Vec<f64>>,
    /// The same of the columns that may come as places in a list.
    pub coded: Vec<Numbers>,
    /// The text columns of the request in its order.
    pub texts: Vec<Texts>,
    /// The columns wanted as they are, in the request's order.
    pub values: Vec<ArrayRef>,
    /// Present when asked for; none of them is null.
    pub ids: Option<Ids>,
}

/// A row group, or a part of one, to be read in a wave.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    pub file: usize,
    pub row_group: usize,
    /// Of the segment's first row, over the whole source.
    pub first_row: u64,
    pub row_in_file: u64,
    pub n_rows: usize,
}

/// What is to be decoded: distinct columns of the request, and the id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Numbers(usize),
    Coded(usize),
    Texts(usize),
    Values(usize),
    Ids(Option<usize>),
}

impl Source {
    /// Reads the columns of `request` over all rows, in order, and hands each wave to `each`.
    ///
    /// A null id, a finite number beyond 1e100, and whatever is wrong with a file end in a bad-data error that names
    /// the place.
    pub fn scan(
        &self,
        request: &Request,
        settings: &ScanSettings,
        observe: &Observe,
        each: &mut dyn FnMut(Vec<Batch>) -> Result<()>,
    ) -> Result<()> {
        let scan = Scan::new(self, request, settings)?;
        let mut done = 0;
        let mut hand_on = |batches: Vec<Batch>| {
            observe.check_stop()?;
            done += batches.iter().map(|batch| batch.n_rows as u64).sum::<u64>();
            each(batches)?;
            observe.event(Event::Progress { stage: "read", done, total: self.n_rows() });
            Ok(())
        };
        let mut wave = Wave::default();
        for segment in scan.segments() {
            let bytes = scan.bytes(&segment);
            if !wave.fits(&segment, bytes, settings.memory) {
                scan.read_wave(&std::mem::take(&mut wave).segments, &mut hand_on)?;
            }
            if bytes > settings.memory {
                scan.read_huge(&segment, &mut hand_on)?;
            } else {
                wave.push(segment, bytes);
            }
        }
        scan.read_wave(&wave.segments, &mut hand_on)
    }
}

/// Row groups that are read together.
#[derive(Default)]
struct Wave {
    segments: Vec<Segment>,
    bytes: u64,
    files: usize,
}

impl Wave {
    fn opens_file(&self, next: &Segment) -> bool {
        self.segments.last().is_none_or(|last| last.file != next.file)
    }

    fn fits(&self, next: &Segment, bytes: u64, memory: u64) -> bool {
        self.bytes.saturating_add(bytes) <= memory
            && self.segments.len() < WAVE_GROUPS_MAX
            && (self.files < WAVE_FILES_MAX || !self.opens_file(next))
    }

    fn push(&mut self, segment: Segment, bytes: u64) {
        self.files += usize::from(self.opens_file(&segment));
        self.bytes += bytes;
        self.segments.push(segment);
    }
}

/// One scan's settings and plan.
pub(super) struct Scan<'a> {
    pub source: &'a Source,
    pub request: &'a Request,
    pub chunk_rows: usize,
    pub memory: u64,
    pub wanted: Vec<Wanted>,
}

/// Where finished waves go.
pub(super) type HandOn<'a> = dyn FnMut(Vec<Batch>) -> Result<()> + 'a;

impl<'a> Scan<'a> {
    fn new(source: &'a Source, request: &'a Request, settings: &ScanSettings) -> Result<Self> {
        let mut wanted = Vec::new();
        let numbers = request.numbers.iter().map(|column| (*column, Wanted::Numbers(*column)));
        for (column, form) in numbers.chain(request.coded.iter().map(|column| (*column, Wanted::Coded(*column)))) {
            let info = source.columns().get(column).ok_or_else(|| Error::bug("a column number without a column"))?;
            if !info.kind.is_numeric() {
                return Err(Error::bad_data(format!(
                    "the column {:?} is {} and cannot be read as numbers",
                    info.name, info.kind
                ))
                .hint("numbers are integers, floats, decimals, booleans, dates and times; leave this column out"));
            }
            if !wanted.contains(&form) {
                wanted.push(form);
            }
        }
        for &column in &request.texts {
            let info = source.columns().get(column).ok_or_else(|| Error::bug("a column number without a column"))?;
            if !info.kind.is_text() {
                return Err(Error::bad_data(format!(
                    "the column {:?} is {} and cannot be read as text",
                    info.name, info.kind
                )));
            }
            wanted.push(Wanted::Texts(column));
        }
        for &column in &request.values {
            let info = source.columns().get(column).ok_or_else(|| Error::bug("a column number without a column"))?;
            if let ColumnKind::Other(kind) = &info.kind {
                return Err(Error::bad_data(format!("the column {:?} is {kind} and cannot be read", info.name))
                    .hint("lists and structures are not read; leave this column out"));
            }
            wanted.push(Wanted::Values(column));
        }
        if request.ids {
            wanted.push(Wanted::Ids(source.id()));
        }
        Ok(Self { source, request, chunk_rows: settings.chunk_rows.max(1), memory: settings.memory, wanted })
    }

    /// All row groups that hold rows, in order.
    fn segments(&self) -> impl Iterator<Item = Segment> + 'a {
        self.source.files.iter().enumerate().flat_map(|(file, info)| {
            let mut row_in_file = 0;
            info.metadata.row_groups().iter().enumerate().filter_map(move |(row_group, group)| {
                let n_rows = usize::try_from(group.num_rows()).ok()?;
                let segment = Segment { file, row_group, first_row: info.first_row + row_in_file, row_in_file, n_rows };
                row_in_file += n_rows as u64;
                (n_rows > 0).then_some(segment)
            })
        })
    }

    /// About what a segment's batches hold.
    fn bytes(&self, segment: &Segment) -> u64 {
        (segment.n_rows as u64).saturating_mul(self.row_bytes(segment))
    }

    pub fn row_bytes(&self, segment: &Segment) -> u64 {
        let numbers = 8 * (self.request.numbers.len() + self.request.coded.len()) as u64;
        let held = self.request.texts.iter().chain(&self.request.values);
        let held: u64 = held.map(|&column| self.value_bytes(segment, Some(column))).sum();
        numbers + held + if self.request.ids { self.value_bytes(segment, self.source.id()) } else { 0 } + 1
    }

    /// About what a value of a column takes; without a column, a row number.
    fn value_bytes(&self, segment: &Segment, column: Option<usize>) -> u64 {
        let data_type = column.and_then(|at| self.source.columns().get(at)).map(|column| &column.data_type);
        if let Some(width) = data_type.and_then(DataType::primitive_width) {
            return width as u64;
        }
        let chunk = column.and_then(|at| {
            let file = self.source.files.get(segment.file)?;
            let Lies::Leaf(leaf) = file.lies.get(at)? else { return None };
            file.metadata.row_groups().get(segment.row_group)?.columns().get(*leaf)
        });
        // A dictionary hides the width of what it holds, so twice what the file needs for it is taken.
        let stored = chunk.and_then(|chunk| u64::try_from(chunk.uncompressed_size()).ok());
        stored.map_or(8, |bytes| 2 * bytes / (segment.n_rows as u64).max(1) + VALUE_BYTES)
    }
}

impl Wanted {
    pub fn column(self) -> Option<usize> {
        match self {
            Wanted::Numbers(column) | Wanted::Coded(column) | Wanted::Texts(column) | Wanted::Values(column) => {
                Some(column)
            }
            Wanted::Ids(column) => column,
        }
    }
}
