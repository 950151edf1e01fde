//! What a Parquet file says about itself, read once and checked before it is believed.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use parquet::arrow::{ProjectionMask, parquet_to_arrow_schema, parquet_to_arrow_schema_by_columns};
use parquet::basic::{Repetition, Type as PhysicalType};
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use parquet::schema::types::{SchemaDescriptor, TypePtr};
use sha2::{Digest, Sha256};

use super::decode::{parquet_error, survey_chunk};
use super::lean;
use super::positioned::PositionedFile;
use super::quiet::guarded;
use crate::error::{Error, Result};

/// The magic bytes at both ends of a file, and the four bytes of the footer's length before the last.
const MAGIC: usize = 4;
const TAIL: usize = 8;

/// More rows for their bytes than this are counted before they are believed: callers make room for them.
const ROWS_PER_BYTE: u64 = 8;

/// A file's footer: row groups, columns, and what identifies the file.
#[derive(Debug)]
pub(super) struct Footer {
    pub metadata: Arc<ParquetMetaData>,
    pub columns: Vec<TopColumn>,
    pub n_rows: u64,
    pub bytes: u64,
    pub modified: Option<SystemTime>,
    /// SHA-256 of the footer as it lies in the file.
    pub sha256: [u8; 32],
}

/// A top-level column of a file.
#[derive(Debug, Clone)]
pub(super) struct TopColumn {
    pub name: String,
    pub data_type: DataType,
    /// Where the values lie; `None` for lists, structs and maps.
    pub leaf: Option<usize>,
    pub parquet: TypePtr,
}

/// Reads and checks the footer of `path`.
pub(super) fn read(path: &Path) -> Result<Footer> {
    let file = PositionedFile::open(path).map_err(|error| Error::io("open", path.display(), error))?;
    let stored = stored_footer(&file, path)?;
    guarded("reading the footer", || {
        let lean = lean::footer(&stored)?;
        let metadata = ParquetMetaDataReader::decode_metadata(&lean)
            .map_err(|error| parquet_error("the footer cannot be read", error))?;
        let n_rows = count_rows(&metadata)?;
        let columns = top_columns(&metadata)?;
        if n_rows > file.bytes().saturating_mul(ROWS_PER_BYTE) {
            check_rows(&file, &metadata, &columns)?;
        }
        Ok(Footer {
            metadata: Arc::new(metadata),
            columns,
            n_rows,
            bytes: file.bytes(),
            modified: file.modified(),
            sha256: Sha256::digest(&stored).into(),
        })
    })
}

/// The footer as it lies in the file; on the way, what is no Parquet file is told apart from a damaged one.
fn stored_footer(file: &PositionedFile, path: &Path) -> Result<Vec<u8>> {
    let bytes = file.bytes();
    let read = |length: usize, position: u64| {
        let mut buffer = vec![0; length];
        file.read_exact_at(&mut buffer, position).map_err(|error| Error::io("read", path.display(), error))?;
        Ok::<_, Error>(buffer)
    };
    if bytes < (MAGIC + TAIL) as u64 {
        return Err(Error::bad_data(format!("{bytes} bytes are too few for a Parquet file")));
    }
    let tail_start = bytes - TAIL as u64;
    let tail = read(TAIL, tail_start)?;
    let (length, magic) = tail.split_at(MAGIC);
    if magic == b"PARE" {
        return Err(Error::bad_data("the file is encrypted, and encrypted files cannot be read"));
    }
    if magic != b"PAR1" {
        let error = Error::bad_data("this is not a Parquet file, or its end is missing");
        return Err(error.hint("a Parquet file ends in the bytes PAR1; copy the file again, or name another"));
    }
    let length = length.iter().rev().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
    let start = tail_start.checked_sub(length).filter(|start| *start >= MAGIC as u64);
    let Some(start) = start else {
        return Err(Error::bad_data(format!("the footer claims {length} bytes of a file of {bytes}")));
    };
    let length = usize::try_from(length).map_err(|_| Error::bad_data("the footer is too large"))?;
    read(length, start)
}

/// The pages of one column must hold as many rows as the footer claims.
fn check_rows(file: &PositionedFile, metadata: &ParquetMetaData, columns: &[TopColumn]) -> Result<()> {
    let Some(leaf) = columns.iter().find_map(|column| column.leaf) else { return Ok(()) };
    for group in metadata.row_groups() {
        survey_chunk(file, group, leaf)?;
    }
    Ok(())
}

/// The rows of all row groups, which must be what the file as a whole claims.
fn count_rows(metadata: &ParquetMetaData) -> Result<u64> {
    let mut sum = 0u64;
    for (i, group) in metadata.row_groups().iter().enumerate() {
        let rows = u64::try_from(group.num_rows())
            .map_err(|_| Error::bad_data(format!("row group {i} claims a negative number of rows")))?;
        sum =
            sum.checked_add(rows).ok_or_else(|| Error::bad_data("the row groups claim more rows than there can be"))?;
    }
    // Some old writers leave the total at 0.
    let claimed = metadata.file_metadata().num_rows();
    if claimed != 0 && u64::try_from(claimed) != Ok(sum) {
        return Err(Error::bad_data(format!("the footer claims {claimed} rows, its row groups {sum}")));
    }
    Ok(sum)
}

/// Names and types of the top-level columns. The embedded Arrow schema refines types that Parquet cannot tell apart
/// (large text, dictionaries, durations); where it is damaged the Parquet schema alone decides.
fn top_columns(metadata: &ParquetMetaData) -> Result<Vec<TopColumn>> {
    let schema = metadata.file_metadata().schema_descr();
    let embedded = metadata.file_metadata().key_value_metadata();
    let whole = guarded("reading the embedded schema", || Ok(parquet_to_arrow_schema(schema, embedded)))
        .ok()
        .and_then(|outcome| outcome.ok())
        .or_else(|| guarded("reading the schema", || Ok(parquet_to_arrow_schema(schema, None))).ok()?.ok());
    let roots = schema.root_schema().get_fields();
    let mut leaves = vec![None; roots.len()];
    for leaf in (0..schema.num_columns()).rev() {
        if let Some(first) = leaves.get_mut(schema.get_column_root_idx(leaf)) {
            *first = Some(leaf);
        }
    }
    let types: Vec<DataType> = match &whole {
        Some(whole) if whole.fields().len() == roots.len() => {
            whole.fields().iter().map(|field| field.data_type().clone()).collect()
        }
        // Some column makes no sense as Arrow; the others may still be read.
        _ => leaves.iter().map(|leaf| column_type(schema, *leaf)).collect(),
    };
    let mut columns: Vec<TopColumn> = Vec::with_capacity(roots.len());
    for ((root, leaf), data_type) in roots.iter().zip(leaves).zip(types) {
        let flat = root.is_primitive() && root.get_basic_info().repetition() != Repetition::REPEATED;
        let int96 = root.is_primitive() && root.get_physical_type() == PhysicalType::INT96;
        if columns.iter().any(|column| column.name == root.name()) {
            return Err(Error::bad_data(format!("there are two columns named {:?}", root.name())));
        }
        columns.push(TopColumn {
            name: root.name().to_string(),
            // Nanoseconds in 64 bits end in the year 2262; what writes this old type goes beyond.
            data_type: if int96 { microseconds(data_type) } else { data_type },
            leaf: leaf.filter(|_| flat),
            parquet: root.clone(),
        });
    }
    Ok(columns)
}

fn microseconds(data_type: DataType) -> DataType {
    match data_type {
        DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Microsecond, zone),
        _ => DataType::Timestamp(TimeUnit::Microsecond, None),
    }
}

fn column_type(schema: &SchemaDescriptor, leaf: Option<usize>) -> DataType {
    let unreadable = DataType::Null;
    let Some(leaf) = leaf else { return unreadable };
    let mask = ProjectionMask::leaves(schema, [leaf]);
    guarded("reading the schema", || Ok(parquet_to_arrow_schema_by_columns(schema, mask, None)))
        .ok()
        .and_then(|outcome| outcome.ok())
        .and_then(|schema| schema.fields().first().map(|field| field.data_type().clone()))
        .unwrap_or(unreadable)
}

impl Footer {
    /// The types all columns are to be decoded as.
    pub fn fields(&self) -> Fields {
        self.columns.iter().map(|column| Field::new(&column.name, column.data_type.clone(), true)).collect()
    }
}
