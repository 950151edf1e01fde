//! `assignments.parquet`: one row per customer, with the id as given, the cluster, its names, and how near the decision
//! was.
//!
//! Equal content gives equal bytes, however the input was cut into batches: rows are gathered into groups of exactly
//! [`ROW_GROUP_ROWS`] before the encoder sees any, so that page borders fall where the content says. Integer ids are
//! packed as differences, clusters and names as dictionary codes; distances and margins are noise to every codec and are
//! stored as they are. What is left are text ids, which Snappy does well on.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, Float64Array};
use arrow::compute::{concat, filter};
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, ArrowWriterOptions, compute_leaves,
};
use parquet::basic::{Compression, Encoding};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnDescPtr, ColumnPath, TypePtr};
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::annotated::with_annotations;
use super::per_cluster::PerCluster;
use super::staged_file::StagedFile;
use crate::error::{Error, Kind, Result};
use crate::source::{Ids, Source};

/// Rows per row group, whatever the input's.
pub const ROW_GROUP_ROWS: usize = 131_072;

/// What the id is called where the source has none.
pub(super) const ROW_NUMBER: &str = "row_number";

/// The columns behind the id.
const COLUMNS: [&str; 5] = ["cluster", "persona", "second_persona", "distance", "margin"];

/// Stands in the file's footer. Fixed, so that the library that encodes does not show in the bytes.
const CREATED_BY: &str = concat!("segmint ", env!("CARGO_PKG_VERSION"));

/// What a cluster is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterNames {
    pub persona: String,
    pub second_persona: Option<String>,
}

/// Some rows without their ids, in the order of the output.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows {
    /// Published numbers.
    pub clusters: Vec<u16>,
    /// To the centroid, in scaled units.
    pub distances: Vec<f64>,
    /// 1 - nearest / second nearest distance.
    pub margins: Vec<f64>,
}

impl Rows {
    /// So many rows, to be filled in.
    pub fn zero(n_rows: usize) -> Self {
        Self { clusters: vec![0; n_rows], distances: vec![0.0; n_rows], margins: vec![0.0; n_rows] }
    }

    fn append(&mut self, mut other: Rows) {
        if self.clusters.is_empty() {
            *self = other;
            return;
        }
        self.clusters.append(&mut other.clusters);
        self.distances.append(&mut other.distances);
        self.margins.append(&mut other.margins);
    }

    fn remove_first(&mut self, n_rows: usize) {
        self.clusters.drain(..n_rows);
        self.distances.drain(..n_rows);
        self.margins.drain(..n_rows);
    }
}

/// Writes the assignments as they come.
pub struct AssignmentWriter {
    writer: SerializedFileWriter<StagedFile>,
    encoders: ArrowRowGroupWriterFactory,
    schema: Arc<Schema>,
    numbers: PerCluster,
    personas: PerCluster,
    second: PerCluster,
    ids: Vec<ArrayRef>,
    pending: Rows,
    written: usize,
}

/// A column of a row group, still to be made.
enum Column<'a> {
    Ids(ArrayRef),
    PerCluster(&'a PerCluster, &'a [u16]),
    Numbers(&'a [f64]),
}

/// A column of a row group, encoded.
enum Chunk {
    Arrow(Box<ArrowColumnChunk>),
    Pages(Bytes, Box<ColumnCloseResult>),
}

impl Column<'_> {
    fn encode(self, encoder: ArrowColumnWriter, field: &Field, column: ColumnDescPtr) -> Result<Chunk, ParquetError> {
        let array: ArrayRef = match self {
            Column::Ids(ids) => ids,
            Column::Numbers(numbers) => Arc::new(Float64Array::from(numbers.to_vec())),
            Column::PerCluster(values, clusters) => {
                let (pages, close) = values.encode(column, clusters)?;
                return Ok(Chunk::Pages(pages, Box::new(close)));
            }
        };
        encode_column(encoder, field, &array).map(|chunk| Chunk::Arrow(Box::new(chunk)))
    }
}

/// Refuses an id column that is called like a column of the output.
pub fn check_id_name(name: &str) -> Result<()> {
    if COLUMNS.contains(&name) {
        return Err(Error::job(format!("the id column is called {name:?}, as is a column of assignments.parquet"))
            .hint(format!("rename it in the data; taken are {}", COLUMNS.join(", "))));
    }
    Ok(())
}

impl AssignmentWriter {
    /// For the rows of a source, with the id column as it has it; `names` has one entry per cluster.
    pub fn for_source(file: StagedFile, source: &Source, names: &[ClusterNames]) -> Result<Self> {
        let name = source.id().and_then(|id| source.columns().get(id)).map(|column| column.name.as_str());
        match (name, source.id_type()) {
            (Some(name), Some((arrow, parquet))) => {
                let id = Field::new(name, arrow.clone(), false);
                Self::with_type(file, &id, std::slice::from_ref(parquet), names)
            }
            _ => Self::new(file, &Field::new(ROW_NUMBER, DataType::UInt64, false), names),
        }
    }

    /// `id` is the id column's field, with the name and the type it had; `names` has one entry per cluster.
    pub fn new(file: StagedFile, id: &Field, names: &[ClusterNames]) -> Result<Self> {
        Self::with_type(file, id, &[], names)
    }

    /// `parquet` is the id's type where it was read.
    fn with_type(file: StagedFile, id: &Field, parquet: &[TypePtr], names: &[ClusterNames]) -> Result<Self> {
        check_id_name(id.name())?;
        let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let schema = Arc::new(Schema::new(vec![
            id.clone().with_nullable(false),
            Field::new("cluster", DataType::Int32, false),
            Field::new("persona", dictionary.clone(), false),
            Field::new("second_persona", dictionary, true),
            Field::new("distance", DataType::Float64, false),
            Field::new("margin", DataType::Float64, false),
        ]));
        let path = file.path().to_path_buf();
        let mut options = ArrowWriterOptions::new().with_properties(properties(id));
        if let Some(schema) = with_annotations(&schema, parquet).map_err(|error| failed(&path, error))? {
            options = options.with_parquet_schema(schema);
        }
        let (writer, encoders) = ArrowWriter::try_new_with_options(file, schema.clone(), options)
            .and_then(ArrowWriter::into_serialized_writer)
            .map_err(|error| failed(&path, error))?;
        Ok(Self {
            writer,
            encoders,
            schema,
            numbers: PerCluster::numbers(names.len()),
            personas: PerCluster::names(names.iter().map(|names| Some(names.persona.as_str()))),
            second: PerCluster::names(names.iter().map(|names| names.second_persona.as_deref())),
            ids: Vec::new(),
            pending: Rows::default(),
            written: 0,
        })
    }

    /// Adds the rows that are kept of some batches, behind those added before: per batch its ids and which of its rows are
    /// kept; `rows` has the kept ones only.
    pub fn push_ids(&mut self, batches: &[(Ids, Option<Vec<bool>>)], rows: Rows) -> Result<()> {
        for (ids, kept) in batches {
            self.ids.push(match kept {
                None => ids.array().clone(),
                Some(kept) => filter(ids.array(), &BooleanArray::from(kept.clone()))
                    .map_err(|error| Error::bug(format!("ids cannot be filtered: {error}")))?,
            });
        }
        self.add(rows)
    }

    /// Adds rows behind those added before; `ids` has one entry per row.
    pub fn push(&mut self, ids: ArrayRef, rows: Rows) -> Result<()> {
        self.ids.push(ids);
        self.add(rows)
    }

    /// Adds the rows of ids that were added already, and writes what whole groups there are.
    fn add(&mut self, rows: Rows) -> Result<()> {
        self.pending.append(rows);
        let n_rows = self.pending.clusters.len();
        let n_ids = self.ids.iter().map(|ids| ids.len()).sum::<usize>();
        if n_ids != n_rows || self.pending.distances.len() != n_rows || self.pending.margins.len() != n_rows {
            return Err(Error::bug("ids and assignments differ in length"));
        }
        self.write_rows(n_rows / ROW_GROUP_ROWS * ROW_GROUP_ROWS)
    }

    /// Writes what is left and the footer; gives back the file and how many rows it holds.
    pub fn finish(mut self) -> Result<(StagedFile, usize)> {
        self.write_rows(self.pending.clusters.len())?;
        let path = self.writer.inner().path().to_path_buf();
        let file = self.writer.into_inner().map_err(|error| failed(&path, error))?;
        Ok((file, self.written))
    }

    /// Writes the first `n_rows` in groups, of which the last may be smaller: all columns of all groups are made and encoded
    /// side by side, and written one behind the other.
    fn write_rows(&mut self, n_rows: usize) -> Result<()> {
        let path = self.writer.inner().path().to_path_buf();
        let ids = groups(n_rows).map(|rows| self.take_ids(rows.len())).collect::<Result<Vec<_>>>()?;
        let fields = self.schema.fields();
        let first = self.writer.flushed_row_groups().len();
        let Rows { clusters, distances, margins } = &self.pending;
        let mut work = Vec::with_capacity(ids.len() * fields.len());
        for (number, (rows, ids)) in groups(n_rows).zip(ids).enumerate() {
            let clusters = &clusters[rows.clone()];
            let columns = [
                Column::Ids(ids),
                Column::PerCluster(&self.numbers, clusters),
                Column::PerCluster(&self.personas, clusters),
                Column::PerCluster(&self.second, clusters),
                Column::Numbers(&distances[rows.clone()]),
                Column::Numbers(&margins[rows]),
            ];
            let encoders = self.encoders.create_column_writers(first + number).map_err(|error| failed(&path, error))?;
            let all = encoders.into_iter().zip(columns).zip(fields).zip(self.writer.schema_descr().columns());
            work.extend(all.map(|(column, description)| (column, description.clone())));
        }
        let encode = |(((encoder, column), field), description): (((_, Column), &FieldRef), ColumnDescPtr)| {
            column.encode(encoder, field, description).map_err(|error| failed(&path, error))
        };
        let encoded: Vec<Chunk> = work.into_par_iter().map(encode).collect::<Result<_>>()?;
        let width = fields.len();
        self.append(encoded, width).map_err(|error| failed(&path, error))?;
        self.pending.remove_first(n_rows);
        self.written += n_rows;
        Ok(())
    }

    fn append(&mut self, chunks: Vec<Chunk>, width: usize) -> Result<(), ParquetError> {
        let mut chunks = chunks.into_iter();
        while chunks.len() > 0 {
            let mut group = self.writer.next_row_group()?;
            for chunk in chunks.by_ref().take(width) {
                match chunk {
                    Chunk::Arrow(chunk) => chunk.append_to_row_group(&mut group)?,
                    Chunk::Pages(pages, close) => group.append_column(&pages, *close)?,
                }
            }
            group.close()?;
        }
        Ok(())
    }

    /// The first `n_rows` of the ids gathered so far, as one array.
    fn take_ids(&mut self, n_rows: usize) -> Result<ArrayRef> {
        let (mut taken, mut missing) = (Vec::new(), n_rows);
        let mut rest = Vec::new();
        for array in std::mem::take(&mut self.ids) {
            let here = missing.min(array.len());
            if here > 0 {
                taken.push(array.slice(0, here));
            }
            if here < array.len() {
                rest.push(array.slice(here, array.len() - here));
            }
            missing -= here;
        }
        self.ids = rest;
        let parts: Vec<&dyn Array> = taken.iter().map(|array| array.as_ref()).collect();
        concat(&parts).map_err(|error| Error::bug(format!("ids of one column do not fit together: {error}")))
    }
}

fn encode_column(
    mut encoder: ArrowColumnWriter,
    field: &Field,
    column: &ArrayRef,
) -> Result<ArrowColumnChunk, ParquetError> {
    for leaf in compute_leaves(field, column)? {
        encoder.write(&leaf)?;
    }
    encoder.close()
}

/// How the columns are encoded. An id is met once, so a dictionary of ids only costs; integers are packed as
/// differences.
fn properties(id: &Field) -> WriterProperties {
    let column = |name: &str| ColumnPath::new(vec![name.to_owned()]);
    let mut builder = WriterProperties::builder()
        .set_created_by(CREATED_BY.to_owned())
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_column_dictionary_enabled(column(id.name()), false)
        .set_column_dictionary_enabled(column("distance"), false)
        .set_column_encoding(column("distance"), Encoding::PLAIN)
        .set_column_compression(column("distance"), Compression::UNCOMPRESSED)
        .set_column_dictionary_enabled(column("margin"), false)
        .set_column_encoding(column("margin"), Encoding::PLAIN)
        .set_column_compression(column("margin"), Compression::UNCOMPRESSED);
    if id.data_type().is_integer() {
        builder = builder.set_column_encoding(column(id.name()), Encoding::DELTA_BINARY_PACKED);
    }
    builder.build()
}

/// Reopens a written file and checks what its footer says.
pub fn check_file(path: &Path, n_rows: usize) -> Result<()> {
    let file = std::fs::File::open(path).map_err(|error| Error::io("reopen", path.display(), error))?;
    let reader = SerializedFileReader::new(file).map_err(|error| failed(path, error))?;
    let metadata = reader.metadata();
    let rows = metadata.file_metadata().num_rows();
    let wrong_group = groups(n_rows).zip(metadata.row_groups()).any(|(a, b)| a.len() as i64 != b.num_rows());
    if rows != n_rows as i64 || metadata.num_row_groups() != groups(n_rows).count() || wrong_group {
        return Err(Error::new(Kind::Io, format!("{} came back with other rows than were written", path.display()))
            .hint("the disk may be failing; nothing was published"));
    }
    Ok(())
}

fn groups(n_rows: usize) -> impl Iterator<Item = Range<usize>> {
    (0..n_rows).step_by(ROW_GROUP_ROWS).map(move |first| first..n_rows.min(first + ROW_GROUP_ROWS))
}

/// The encoder's errors are the disk's: what it was given has been checked.
fn failed(path: &Path, error: ParquetError) -> Error {
    Error::new(Kind::Io, format!("cannot write {}", path.display()))
        .hint("make room on that disk, or choose another output folder")
        .because(error)
}
