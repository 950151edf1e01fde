//! One wave of a scan: its row groups decoded, every column of each on whatever thread is free, and put together as
//! batches in the order of the source.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use rayon::prelude::*;

use super::MAGNITUDE_MAX;
use super::coded::Numbers;
use super::codes::CodeStream;
use super::columns::ColumnKind;
use super::decode::{Chunk, ColumnPlan, ColumnStream};
use super::ids::Ids;
use super::numbers::{NULL, is_too_large, to_numbers};
use super::open::{Lies, SourceFile};
use super::positioned::PositionedFile;
use super::scan::{Batch, HandOn, Scan, Segment, Wanted};
use super::texts::Texts;
use crate::error::{Error, Place, Result};

/// A column of a segment, decoded: one part per batch.
enum Parts {
    Numbers(Vec<Vec<f64>>),
    Coded(Vec<Numbers>),
    Texts(Vec<Texts>),
    Values(Vec<ArrayRef>),
    Ids(Vec<Ids>),
}

impl Scan<'_> {
    /// Reads whole row groups, all their columns in parallel.
    pub fn read_wave(&self, wave: &[Segment], hand_on: &mut HandOn) -> Result<()> {
        if wave.is_empty() {
            return Ok(());
        }
        let mut files: Vec<(usize, OpenFile)> = Vec::new();
        for segment in wave {
            if files.last().is_none_or(|(file, _)| *file != segment.file) {
                files.push((segment.file, self.open_file(segment.file)?));
            }
        }
        let units: Vec<(usize, Wanted)> =
            (0..wave.len()).flat_map(|segment| self.wanted.iter().map(move |wanted| (segment, *wanted))).collect();
        let decoded: Vec<Result<Parts>> = units
            .par_iter()
            .map(|(position, wanted)| {
                let segment = wave.get(*position).ok_or_else(|| Error::bug("a unit without a segment"))?;
                let open = files.iter().find(|(file, _)| *file == segment.file).map(|(_, open)| open);
                let open = open.ok_or_else(|| Error::bug("a segment without its file"))?;
                let mut column = self.column(segment, *wanted, open)?;
                self.decode(segment, 0..segment.n_rows, *wanted, &mut column)
            })
            .collect();
        // The first error in the order of the source is the one reported, whatever thread met it first.
        let mut decoded = decoded.into_iter();
        let mut batches = Vec::new();
        for segment in wave {
            let parts = decoded.by_ref().take(self.wanted.len()).collect::<Result<Vec<_>>>()?;
            self.assemble(segment, 0..segment.n_rows, parts, &mut batches);
        }
        hand_on(batches)
    }

    /// Reads one row group that is larger than a wave may be, some batches at a time.
    pub fn read_huge(&self, segment: &Segment, hand_on: &mut HandOn) -> Result<()> {
        let open = self.open_file(segment.file)?;
        let columns = self.wanted.iter().map(|wanted| Ok((*wanted, self.column(segment, *wanted, &open)?)));
        let mut columns = columns.collect::<Result<Vec<_>>>()?;
        let rows_in_memory = usize::try_from(self.memory / self.row_bytes(segment)).unwrap_or(usize::MAX);
        let wave_rows = (rows_in_memory / self.chunk_rows).max(1).saturating_mul(self.chunk_rows);
        let mut start = 0;
        while start < segment.n_rows {
            let rows = start..segment.n_rows.min(start.saturating_add(wave_rows));
            let decoded: Vec<Result<Parts>> = columns
                .par_iter_mut()
                .map(|(wanted, column)| self.decode(segment, rows.clone(), *wanted, column))
                .collect();
            let mut batches = Vec::new();
            self.assemble(segment, rows.clone(), decoded.into_iter().collect::<Result<_>>()?, &mut batches);
            hand_on(batches)?;
            start = rows.end;
        }
        Ok(())
    }

    /// Opens a file again, which must still be the one whose footer was read.
    fn open_file(&self, file: usize) -> Result<OpenFile> {
        let info = self.source.files.get(file).ok_or_else(|| Error::bug("a file number without a file"))?;
        let handle = PositionedFile::open(&info.path).map_err(|error| Error::io("open", info.path.display(), error))?;
        if handle.bytes() != info.bytes || handle.modified() != info.modified {
            return Err(Error::bad_data("the file was changed while it was being read")
                .at(Place { file: Some(info.path.display().to_string()), ..Place::default() })
                .hint("run again once nothing writes to the source"));
        }
        let plans = self.wanted.iter().map(|wanted| self.plan(info, *wanted)).collect::<Result<_>>()?;
        Ok(OpenFile { handle, plans })
    }

    fn plan(&self, file: &SourceFile, wanted: Wanted) -> Result<Option<ColumnPlan>> {
        let Some(column) = wanted.column() else { return Ok(None) };
        let Some(Lies::Leaf(leaf)) = file.lies.get(column) else { return Ok(None) };
        let info = self.source.columns().get(column).ok_or_else(|| Error::bug("a column number without a column"))?;
        let plan = ColumnPlan::new(&file.metadata, *leaf, &file.fields, &info.data_type);
        plan.map(Some).map_err(|error| {
            error.at(Place {
                file: Some(file.path.display().to_string()),
                column: Some(info.name.clone()),
                ..Place::default()
            })
        })
    }

    /// Where a column's values of a segment come from.
    fn column(&self, segment: &Segment, wanted: Wanted, open: &OpenFile) -> Result<Column> {
        let bug = || Error::bug("a column number without a column");
        let Some(column) = wanted.column() else { return Ok(Column::RowNumbers) };
        let file = self.source.files.get(segment.file).ok_or_else(bug)?;
        match file.lies.get(column).ok_or_else(bug)? {
            Lies::Folder(value) if self.is_text(wanted) => Ok(Column::ConstantText(value.clone())),
            Lies::Folder(value) => Ok(Column::Constant(value.as_deref().and_then(|value| value.parse().ok()))),
            Lies::Nested => Err(bug()),
            Lies::Leaf(_) => {
                let position = self.wanted.iter().position(|other| *other == wanted).ok_or_else(bug)?;
                let plan = open.plans.get(position).and_then(Option::as_ref).ok_or_else(bug)?;
                let opened = || {
                    let chunk = Chunk::open(&open.handle, &file.metadata, segment.row_group, plan)?;
                    if chunk.is_coded() && matches!(wanted, Wanted::Numbers(_) | Wanted::Coded(_)) {
                        return Ok(Column::Codes(Box::new(CodeStream::open(&chunk, plan)?)));
                    }
                    Ok(Column::Stream(Box::new(ColumnStream::open(&chunk, plan, self.chunk_rows)?)))
                };
                opened().map_err(|error: Error| {
                    error.at(self.source.place_at(segment.file, segment.row_group, Some(column), None))
                })
            }
        }
    }

    /// Whether a folder's name is handed on as text.
    fn is_text(&self, wanted: Wanted) -> bool {
        let held = wanted.column().and_then(|column| self.source.columns().get(column));
        match wanted {
            Wanted::Texts(_) => true,
            Wanted::Values(_) => held.is_some_and(|column| column.kind == ColumnKind::Text),
            Wanted::Numbers(_) | Wanted::Coded(_) | Wanted::Ids(_) => false,
        }
    }

    /// Decodes `rows` of a segment, one part per batch.
    fn decode(&self, segment: &Segment, rows: Range<usize>, wanted: Wanted, column: &mut Column) -> Result<Parts> {
        let pieces = pieces(&rows, self.chunk_rows);
        let place = |row: Option<usize>| {
            let row = row.map(|row| segment.row_in_file + row as u64);
            self.source.place_at(segment.file, segment.row_group, wanted.column(), row)
        };
        match wanted {
            Wanted::Numbers(_) | Wanted::Coded(_) => {
                let numbers = pieces.map(|piece| {
                    let numbers = column.numbers(piece.len()).map_err(|error| error.at(place(None)))?;
                    match numbers.first(is_too_large) {
                        None => Ok(numbers),
                        Some(row) => Err(too_large().at(place(Some(piece.start + row)))),
                    }
                });
                if let Wanted::Coded(_) = wanted {
                    return Ok(Parts::Coded(numbers.collect::<Result<_>>()?));
                }
                Ok(Parts::Numbers(numbers.map(|numbers| numbers.map(Numbers::into_values)).collect::<Result<_>>()?))
            }
            Wanted::Texts(_) => {
                let texts = pieces.map(|piece| match column {
                    Column::ConstantText(value) => Ok(Texts::constant(value.as_deref(), piece.len())),
                    Column::Constant(_) | Column::Codes(_) | Column::RowNumbers => {
                        Err(Error::bug("a number is no text"))
                    }
                    Column::Stream(stream) => {
                        let array = stream.next(piece.len()).map_err(|error| error.at(place(None)))?;
                        Texts::new(array).ok_or_else(|| Error::bug("a text column without texts"))
                    }
                });
                Ok(Parts::Texts(texts.collect::<Result<_>>()?))
            }
            Wanted::Values(_) => {
                let values = pieces.map(|piece| match column {
                    Column::ConstantText(value) => Ok(Texts::constant(value.as_deref(), piece.len()).into_array()),
                    Column::Constant(value) => Ok(integers_of(*value, piece.len())),
                    Column::RowNumbers | Column::Codes(_) => Err(Error::bug("these are numbers or ids")),
                    Column::Stream(stream) => stream.next(piece.len()).map_err(|error| error.at(place(None))),
                });
                Ok(Parts::Values(values.collect::<Result<_>>()?))
            }
            Wanted::Ids(_) => {
                let ids = pieces.map(|piece| match column {
                    Column::RowNumbers => Ok(Ids::row_numbers(segment.first_row + piece.start as u64, piece.len())),
                    Column::Constant(_) | Column::ConstantText(_) | Column::Codes(_) => {
                        Err(Error::bug("a folder's name is no id"))
                    }
                    Column::Stream(stream) => {
                        let ids = Ids::new(stream.next(piece.len()).map_err(|error| error.at(place(None)))?);
                        match ids.first_null() {
                            None => Ok(ids),
                            Some(row) => Err(null_id().at(place(Some(piece.start + row)))),
                        }
                    }
                });
                Ok(Parts::Ids(ids.collect::<Result<_>>()?))
            }
        }
    }

    /// Puts the columns of a segment's `rows` together, batch by batch, in the order of the request.
    fn assemble(&self, segment: &Segment, rows: Range<usize>, parts: Vec<Parts>, out: &mut Vec<Batch>) {
        let mut numbers: Vec<(usize, std::vec::IntoIter<Vec<f64>>)> = Vec::new();
        let mut coded: Vec<(usize, std::vec::IntoIter<Numbers>)> = Vec::new();
        let mut texts: Vec<std::vec::IntoIter<Texts>> = Vec::new();
        let mut values: Vec<std::vec::IntoIter<ArrayRef>> = Vec::new();
        let mut ids = None;
        for (part, wanted) in parts.into_iter().zip(&self.wanted) {
            match (part, wanted) {
                (Parts::Numbers(part), Wanted::Numbers(column)) => numbers.push((*column, part.into_iter())),
                (Parts::Coded(part), Wanted::Coded(column)) => coded.push((*column, part.into_iter())),
                (Parts::Texts(part), _) => texts.push(part.into_iter()),
                (Parts::Values(part), _) => values.push(part.into_iter()),
                (Parts::Ids(part), _) => ids = Some(part.into_iter()),
                (Parts::Numbers(_) | Parts::Coded(_), _) => {}
            }
        }
        for piece in pieces(&rows, self.chunk_rows) {
            out.push(Batch {
                first_row: segment.first_row + piece.start as u64,
                file: segment.file,
                row_group: segment.row_group,
                row_in_file: segment.row_in_file + piece.start as u64,
                n_rows: piece.len(),
                numbers: in_order(&self.request.numbers, &mut numbers),
                coded: in_order(&self.request.coded, &mut coded),
                texts: texts.iter_mut().filter_map(Iterator::next).collect(),
                values: values.iter_mut().filter_map(Iterator::next).collect(),
                ids: ids.as_mut().and_then(Iterator::next),
            });
        }
    }
}

/// A file opened for a wave, with the plan of each wanted column.
struct OpenFile {
    handle: PositionedFile,
    plans: Vec<Option<ColumnPlan>>,
}

/// The next part of each distinct column, in the order of the request, which may ask for one twice.
fn in_order<T: Clone + Default>(request: &[usize], parts: &mut [(usize, std::vec::IntoIter<T>)]) -> Vec<T> {
    let mut next: Vec<(usize, T)> =
        parts.iter_mut().map(|(column, parts)| (*column, parts.next().unwrap_or_default())).collect();
    let wanted = request.iter().enumerate().map(|(i, column)| {
        let later = request.iter().skip(i + 1).any(|other| other == column);
        match next.iter_mut().find(|(number, _)| number == column) {
            Some((_, values)) if later => values.clone(),
            Some((_, values)) => std::mem::take(values),
            None => T::default(),
        }
    });
    wanted.collect()
}

/// A column of a segment, ready to be read.
enum Column {
    Stream(Box<ColumnStream>),
    Codes(Box<CodeStream>),
    /// A folder's number.
    Constant(Option<i64>),
    ConstantText(Option<String>),
    RowNumbers,
}

impl Column {
    /// The next rows of a column of numbers.
    fn numbers(&mut self, n_rows: usize) -> Result<Numbers> {
        match self {
            Column::Constant(value) => Ok(vec![value.map_or(NULL, |number| number as f64); n_rows].into()),
            Column::RowNumbers | Column::ConstantText(_) => {
                Err(Error::bug("neither row numbers nor texts are numbers"))
            }
            Column::Codes(stream) => stream.next(n_rows),
            Column::Stream(stream) => to_numbers(stream.next(n_rows)?)
                .map(Numbers::Values)
                .ok_or_else(|| Error::bug("a numeric column without numbers")),
        }
    }
}

/// Cuts `rows` into batches.
fn pieces(rows: &Range<usize>, chunk_rows: usize) -> impl Iterator<Item = Range<usize>> + use<> {
    let Range { start, end } = *rows;
    (start..end).step_by(chunk_rows).map(move |from| from..end.min(from.saturating_add(chunk_rows)))
}

/// A folder's number, or none, for each of `n_rows` rows.
fn integers_of(value: Option<i64>, n_rows: usize) -> ArrayRef {
    Arc::new(Int64Array::from_iter((0..n_rows).map(|_| value)))
}

fn too_large() -> Error {
    Error::bad_data(format!("a number is larger than {MAGNITUDE_MAX:e}, the largest that can be squared and summed"))
        .hint("rescale the column, or replace the placeholder by a null")
}

fn null_id() -> Error {
    Error::bad_data("a row without an id").hint("every row needs an id; leave `id` out to use row numbers")
}
