//! One column of one row group, decoded piece after piece.
//!
//! This is the unit of parallel work. A stream owns its decoder and can rest between pieces, so that a huge row group
//! is read in as many waves as memory asks for.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::{DataType, Fields};
use arrow::error::ArrowError;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, RowGroups};
use parquet::arrow::{FieldLevels, ProjectionMask, parquet_to_arrow_field_levels};
use parquet::basic::Type as PhysicalType;
use parquet::column::page::{PageIterator, PageReader};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::serialized_reader::SerializedPageReader;

use super::pages::{self, LookInside, Survey, VALUE_BYTES_MAX};
use super::positioned::PositionedFile;
use super::quiet::guarded;
use crate::error::{Error, Result};

/// What of a file is decoded: one column, as one type.
#[derive(Debug, Clone)]
pub(super) struct ColumnPlan {
    leaf: usize,
    data_type: DataType,
    levels: FieldLevels,
}

impl ColumnPlan {
    /// `fields` are the types of all top-level columns of the file.
    pub fn new(metadata: &ParquetMetaData, leaf: usize, fields: &Fields, data_type: &DataType) -> Result<Self> {
        guarded("reading the schema", || {
            let schema = metadata.file_metadata().schema_descr();
            let mask = ProjectionMask::leaves(schema, [leaf]);
            let levels = parquet_to_arrow_field_levels(schema, mask, Some(fields))
                .map_err(|error| parquet_error("the column's type cannot be read", error))?;
            Ok(Self { leaf, data_type: data_type.clone(), levels })
        })
    }

    /// Which column of the file, counted without nesting.
    pub fn leaf(&self) -> usize {
        self.leaf
    }
}

/// The pages of one column chunk, in the shape the decoder asks for.
pub(super) struct Chunk {
    file: PositionedFile,
    metadata: Arc<ParquetMetaData>,
    row_group: usize,
    leaf: usize,
    survey: Survey,
}

impl Chunk {
    /// Looks the chunk over; nothing is decoded yet.
    pub fn open(
        file: &PositionedFile,
        metadata: &Arc<ParquetMetaData>,
        row_group: usize,
        plan: &ColumnPlan,
    ) -> Result<Self> {
        guarded("opening a column", || {
            let survey = survey_chunk(file, metadata.row_group(row_group), plan.leaf)?;
            Ok(Self { file: file.clone(), metadata: metadata.clone(), row_group, leaf: plan.leaf, survey })
        })
    }

    /// Whether every row's value is a place in a dictionary of few numbers, or null.
    pub fn is_coded(&self) -> bool {
        self.survey.coded
    }

    /// Whether values may be null, which puts levels in front of them.
    pub fn is_nullable(&self) -> bool {
        self.group().column(self.leaf).column_descr().max_def_level() > 0
    }

    pub fn group(&self) -> &RowGroupMetaData {
        self.metadata.row_group(self.row_group)
    }

    pub fn pages(&self) -> Result<Box<dyn PageReader>, ParquetError> {
        let chunk = self.group().column(self.leaf);
        let file = Arc::new(self.file.clone());
        let pages = Box::new(SerializedPageReader::new(file, chunk, self.num_rows(), None)?);
        let nullable = self.is_nullable();
        Ok(if self.survey.look_inside { Box::new(LookInside { pages, nullable }) } else { pages })
    }
}

impl RowGroups for Chunk {
    fn num_rows(&self) -> usize {
        usize::try_from(self.group().num_rows()).unwrap_or_default()
    }

    fn column_chunks(&self, _: usize) -> Result<Box<dyn PageIterator>, ParquetError> {
        Ok(Box::new(Pages(Some(self.pages()?))))
    }

    fn row_groups(&self) -> Box<dyn Iterator<Item = &RowGroupMetaData> + '_> {
        Box::new(std::iter::once(self.group()))
    }

    fn metadata(&self) -> &ParquetMetaData {
        &self.metadata
    }
}

/// The one page reader of a chunk.
pub(super) struct Pages(pub Option<Box<dyn PageReader>>);

impl Iterator for Pages {
    type Item = Result<Box<dyn PageReader>, ParquetError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.take().map(Ok)
    }
}

impl PageIterator for Pages {}

/// A column of a row group, decoded on demand.
pub(super) struct ColumnStream {
    reader: ParquetRecordBatchReader,
    data_type: DataType,
    /// Rows still to come, by the footer.
    rows_left: usize,
}

impl ColumnStream {
    /// A stream that hands out at most `chunk_rows` rows at a time.
    pub fn open(chunk: &dyn RowGroups, plan: &ColumnPlan, chunk_rows: usize) -> Result<Self> {
        guarded("opening a column", || {
            let rows = chunk.num_rows();
            let reader =
                ParquetRecordBatchReader::try_new_with_row_groups(&plan.levels, chunk, chunk_rows.min(rows), None)
                    .map_err(|error| parquet_error("the column cannot be decoded", error))?;
            Ok(Self { reader, data_type: plan.data_type.clone(), rows_left: rows })
        })
    }

    /// The next `rows` rows; `rows` is what the footer promises, at most `chunk_rows`.
    pub fn next(&mut self, rows: usize) -> Result<ArrayRef> {
        guarded("decoding a column", || {
            let mut parts: Vec<ArrayRef> = Vec::new();
            let mut got = 0;
            while got < rows {
                let part = self.part()?;
                got += part.len();
                parts.push(part);
            }
            if got > rows {
                return Err(Error::bug("a decoder gave more rows than it was asked for"));
            }
            self.rows_left = self.rows_left.saturating_sub(got);
            if parts.len() == 1 {
                return parts.pop().ok_or_else(|| Error::bug("no part of one"));
            }
            let slices: Vec<&dyn Array> = parts.iter().map(|part| part.as_ref()).collect();
            arrow::compute::concat(&slices)
                .map_err(|error| Error::bad_data("the column cannot be decoded").because(error.to_string()))
        })
    }

    /// What the decoder gives in one go: at least one row, of the type agreed on.
    fn part(&mut self) -> Result<ArrayRef> {
        let batch = match self.reader.next() {
            Some(Ok(batch)) if batch.num_rows() > 0 => batch,
            Some(Err(error)) => return Err(arrow_error("the column cannot be decoded", error)),
            _ => {
                return Err(Error::bad_data(format!(
                    "the column ends {} rows before the row group does",
                    self.rows_left
                )));
            }
        };
        let (_, mut columns, _) = batch.into_parts();
        match columns.pop() {
            Some(column) if columns.is_empty() && column.data_type() == &self.data_type => Ok(column),
            _ => Err(Error::bad_data("the column decodes to another type than its schema says")),
        }
    }
}

/// Checks what the footer and the page headers say about a column chunk, before anything is reserved for it.
pub(super) fn survey_chunk(file: &PositionedFile, group: &RowGroupMetaData, leaf: usize) -> Result<Survey> {
    let chunk =
        group.columns().get(leaf).ok_or_else(|| Error::bad_data("the row group has fewer columns than the schema"))?;
    if chunk.num_values() != group.num_rows() {
        return Err(Error::bad_data(format!(
            "the column claims {} values in a row group of {} rows",
            chunk.num_values(),
            group.num_rows()
        )));
    }
    let starts = [Some(chunk.data_page_offset()), chunk.dictionary_page_offset()];
    let possible = chunk.compressed_size() >= 0 && starts.into_iter().flatten().all(|start| start >= 0);
    let inside = possible && {
        let (start, length) = chunk.byte_range();
        start.checked_add(length).is_some_and(|end| end <= file.bytes())
    };
    if !inside {
        return Err(Error::bad_data("the footer places the column outside of the file"));
    }
    let width = usize::try_from(chunk.column_descr().type_length()).unwrap_or_default();
    if chunk.column_type() == PhysicalType::FIXED_LEN_BYTE_ARRAY && width > VALUE_BYTES_MAX {
        return Err(Error::bad_data(format!("each value has {width} bytes; at most {VALUE_BYTES_MAX} are read")));
    }
    pages::survey(file, chunk, u64::try_from(group.num_rows()).unwrap_or_default())
}

/// An error of the Parquet crate: the operating system's are told apart from the file's.
pub(super) fn parquet_error(what: &str, error: ParquetError) -> Error {
    match error {
        ParquetError::External(inner) => outside_error(what, inner),
        ParquetError::General(text) | ParquetError::EOF(text) | ParquetError::ArrowError(text) => {
            Error::bad_data(what).because(text)
        }
        other => Error::bad_data(what).because(other.to_string()),
    }
}

fn arrow_error(what: &str, error: ArrowError) -> Error {
    match error {
        ArrowError::ExternalError(inner) => outside_error(what, inner),
        ArrowError::IoError(_, inner) => outside_error(what, Box::new(inner)),
        ArrowError::ParquetError(text) => Error::bad_data(what).because(text),
        other => Error::bad_data(what).because(other.to_string()),
    }
}

fn outside_error(what: &str, inner: Box<dyn std::error::Error + Send + Sync>) -> Error {
    match inner.downcast::<std::io::Error>() {
        // Codecs dress their own complaints as errors of reading; those have no number of the system's.
        Ok(io) if io.raw_os_error().is_none() => Error::bad_data(what).because(*io),
        Ok(io) => Error::new(crate::error::Kind::Io, what).because(*io),
        Err(inner) => Error::bad_data(what).because(inner.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::error::Kind;

    #[test]
    fn what_the_system_says_is_told_from_what_a_codec_says() {
        let kind = |error: io::Error| parquet_error("reading", ParquetError::External(Box::new(error))).kind();
        assert_eq!(kind(io::Error::from_raw_os_error(5)), Kind::Io);
        assert_eq!(kind(io::Error::other("unknown frame descriptor")), Kind::BadData);
        assert_eq!(kind(io::ErrorKind::UnexpectedEof.into()), Kind::BadData);
    }
}
