//! Generated rows into a Parquet file: row groups are made and encoded in parallel and written in order.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use rayon::prelude::*;

use super::{Kind, table};
use crate::error::{Error, Kind as ErrorKind, Result};
use crate::observe::{Event, Observe};

/// Readers count row groups in 16 bits.
const ROW_GROUPS_MAX: u64 = 32_767;

/// How the file is laid out. The rows are the same in every layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    pub row_group_rows: usize,
    pub codec: Codec,
}

impl Default for Layout {
    fn default() -> Self {
        Self { row_group_rows: 131_072, codec: Codec::Zstd }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    Zstd,
    Snappy,
    /// Neither compression nor dictionaries: the values as they are.
    Plain,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    pub rows: u64,
    pub bytes: u64,
}

/// Writes the customers of the row numbers `rows` to `path`, which must not exist: an error of kind Output if it does.
///
/// The file appears under its name when it is complete, or not at all.
pub fn write(
    path: &Path,
    kind: Kind,
    rows: Range<u64>,
    seed: u64,
    layout: &Layout,
    observe: &Observe,
) -> Result<Written> {
    const STAGE: &str = "generate";
    let started = Instant::now();
    let total = rows.end.saturating_sub(rows.start);
    let group_rows = layout.row_group_rows.max(1) as u64;
    if total == 0 || total.div_ceil(group_rows) > ROW_GROUPS_MAX || i64::try_from(rows.end).is_err() {
        return Err(Error::new(
            ErrorKind::Usage,
            format!("{total} rows in row groups of {group_rows} cannot be written"),
        )
        .hint(format!("a file holds at least 1 row and at most {ROW_GROUPS_MAX} row groups")));
    }
    let shown = path.display();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let create = |error| Error::new(ErrorKind::Output, format!("cannot create {shown}")).because(error);
    if path.symlink_metadata().is_ok() {
        return Err(exists(path));
    }
    std::fs::create_dir_all(folder).map_err(create)?;
    observe.event(Event::StageStarted { stage: STAGE });
    let mut staged = staging_file(folder).map_err(create)?;

    let schema = table::schema(kind);
    let encoding = |error: ParquetError| write_error(path, error);
    let parquet = ArrowSchemaConverter::new().convert(&schema).map_err(encoding)?;
    let properties = Arc::new(properties(layout));
    let mut writer =
        SerializedFileWriter::new(staged.as_file_mut(), parquet.root_schema_ptr(), properties).map_err(encoding)?;
    let factory = ArrowRowGroupWriterFactory::new(&writer, schema.clone());

    let groups: Vec<Range<u64>> = (rows.start..rows.end)
        .step_by(layout.row_group_rows.max(1))
        .map(|start| start..rows.end.min(start.saturating_add(group_rows)))
        .collect();
    let mut done = 0;
    for (wave_number, wave) in groups.chunks(rayon::current_num_threads().max(1)).enumerate() {
        observe.check_stop()?;
        let first = wave_number * rayon::current_num_threads().max(1);
        let encoded: Vec<Result<Vec<ArrowColumnChunk>>> = wave
            .par_iter()
            .enumerate()
            .map(|(i, rows)| {
                let batch = table::batch(kind, seed, rows.clone())?;
                let mut chunks = Vec::with_capacity(batch.num_columns());
                let writers = factory.create_column_writers(first + i).map_err(encoding)?;
                for ((mut writer, field), column) in writers.into_iter().zip(schema.fields()).zip(batch.columns()) {
                    for leaf in compute_leaves(field, column).map_err(encoding)? {
                        writer.write(&leaf).map_err(encoding)?;
                    }
                    chunks.push(writer.close().map_err(encoding)?);
                }
                Ok(chunks)
            })
            .collect();
        for (chunks, rows) in encoded.into_iter().zip(wave) {
            let mut group = writer.next_row_group().map_err(encoding)?;
            for chunk in chunks? {
                chunk.append_to_row_group(&mut group).map_err(encoding)?;
            }
            group.close().map_err(encoding)?;
            done += rows.end - rows.start;
        }
        observe.event(Event::Progress { stage: STAGE, done, total });
    }
    writer.close().map_err(encoding)?;

    let failed = |error| Error::io("write", shown.to_string(), error);
    staged.as_file().sync_all().map_err(failed)?;
    let bytes = staged.as_file().metadata().map_err(failed)?.len();
    staged.persist_noclobber(path).map_err(|error| match error.error.kind() {
        std::io::ErrorKind::AlreadyExists => exists(path),
        _ => create(error.error),
    })?;
    let milliseconds = started.elapsed().as_secs_f64() * 1e3;
    observe.event(Event::StageFinished { stage: STAGE, rows: total, bytes, milliseconds });
    Ok(Written { rows: total, bytes })
}

/// A file beside the target that vanishes unless it is given its name.
fn staging_file(folder: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".segmint-generate-").suffix(".tmp");
    #[cfg(unix)]
    {
        // As any new file: the process's mask decides who may read it.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

fn properties(layout: &Layout) -> WriterProperties {
    let builder = WriterProperties::builder().set_max_row_group_row_count(Some(layout.row_group_rows.max(1)));
    let builder = match layout.codec {
        Codec::Zstd => builder.set_compression(Compression::ZSTD(ZstdLevel::default())),
        Codec::Snappy => builder.set_compression(Compression::SNAPPY),
        Codec::Plain => builder.set_compression(Compression::UNCOMPRESSED).set_dictionary_enabled(false),
    };
    // Every id differs: a dictionary of them is paid for and never used.
    builder.set_column_dictionary_enabled("customer_id".into(), false).build()
}

fn exists(path: &Path) -> Error {
    Error::new(ErrorKind::Output, format!("{} exists already", path.display()))
        .hint("name another file, or remove this one first")
}

fn write_error(path: &Path, error: ParquetError) -> Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
            Ok(io) => Error::io("write", path.display(), *io),
            Err(inner) => Error::bug("generated rows cannot be encoded").because(inner.to_string()),
        },
        other => Error::bug("generated rows cannot be encoded").because(other.to_string()),
    }
}
