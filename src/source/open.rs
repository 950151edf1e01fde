//! Opening a source: find the files, read their footers, make sure that they agree, and answer questions about the
//! whole.
//!
//! Files agree when they have the same top-level columns with identical types; the order of the columns, whether they
//! may hold nulls, and metadata do not matter. A column that is an integer here and a float there is an error and not
//! a silent conversion: tomorrow's result must not depend on which file came first.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use arrow::datatypes::{DataType, Fields};
use parquet::file::metadata::ParquetMetaData;
use parquet::schema::types::TypePtr;
use rayon::prelude::*;

use super::columns::{self, ColumnInfo, ColumnKind};
use super::files;
use super::footer::{self, Footer};
use super::scan::Batch;
use crate::error::{Error, Place, Result};
use crate::job::SourceSettings;
use crate::observe::Observe;

/// Files in the byte order of their paths, with schemas that agree.
#[derive(Debug)]
pub struct Source {
    pub(super) files: Vec<SourceFile>,
    columns: Vec<ColumnInfo>,
    id: Option<usize>,
    id_type: Option<TypePtr>,
    n_rows: u64,
}

/// One file, its footer read.
#[derive(Debug)]
pub(super) struct SourceFile {
    pub path: PathBuf,
    pub relative: String,
    pub bytes: u64,
    pub modified: Option<SystemTime>,
    pub footer_sha256: [u8; 32],
    pub metadata: Arc<ParquetMetaData>,
    pub n_rows: u64,
    /// Row number of the file's first row over the whole source.
    pub first_row: u64,
    /// The types of the file's top-level columns, in the file's order.
    pub fields: Fields,
    /// Where each column of the source is found in this file.
    pub lies: Vec<Lies>,
}

/// Where a column's values lie.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Lies {
    /// In this leaf of the file.
    Leaf(usize),
    /// In the path: one value for the whole file.
    Folder(Option<String>),
    /// In lists, structs or maps, which are not read.
    Nested,
}

impl Source {
    /// Finds the files of `settings.path`, reads their footers and checks that they agree and hold rows and the id.
    pub fn open(settings: &SourceSettings, observe: &Observe) -> Result<Source> {
        let found = files::find(&settings.path, observe)?;
        observe.check_stop()?;
        let footers: Vec<Result<Footer>> = found
            .par_iter()
            .map(|file| footer::read(&file.path).map_err(|error| error.at(place_of(&file.path))))
            .collect();
        observe.check_stop()?;
        let mut footers = footers.into_iter().collect::<Result<Vec<_>>>()?;
        let columns = agreed_columns(&found, &footers)?;
        let id = settings.id.as_deref().map(|name| columns::find(&columns, name)).transpose()?;
        if let Some(column) = id.and_then(|id| columns.get(id)) {
            let in_folder = footers.first().is_some_and(|f| f.columns.iter().all(|c| c.name != column.name));
            if !column.kind.is_id() || in_folder {
                let what = if in_folder { "folder name".to_string() } else { column.kind.to_string() };
                return Err(Error::bad_data(format!("the id column {:?} is a {what}", column.name))
                    .hint("an id is an integer, text, binary, a decimal, a date or a time, and differs for each row"));
            }
        }
        let id_type = id.and_then(|id| {
            let name = &columns.get(id)?.name;
            footers.first()?.columns.iter().find(|column| &column.name == name).map(|column| column.parquet.clone())
        });
        let mut files = Vec::with_capacity(found.len());
        let mut n_rows = 0u64;
        for (file, footer) in found.into_iter().zip(footers.drain(..)) {
            let lies = columns.iter().map(|column| lies(&column.name, &file.relative, &footer)).collect();
            let fields = footer.fields();
            files.push(SourceFile {
                path: file.path,
                relative: file.relative,
                bytes: footer.bytes,
                modified: footer.modified,
                footer_sha256: footer.sha256,
                metadata: footer.metadata,
                n_rows: footer.n_rows,
                first_row: n_rows,
                fields,
                lies,
            });
            n_rows = n_rows
                .checked_add(footer.n_rows)
                .ok_or_else(|| Error::bad_data("the files claim more rows than there can be"))?;
        }
        if n_rows == 0 {
            return Err(Error::bad_data(format!("{} holds no rows", settings.path)));
        }
        Ok(Source { files, columns, id, id_type, n_rows })
    }

    /// Every top-level column in the order of the first file, then the `key=value` folders.
    pub fn columns(&self) -> &[ColumnInfo] {
        &self.columns
    }

    /// The position of a column, or a bad-data error with the nearest name.
    pub fn column(&self, name: &str) -> Result<usize> {
        columns::find(&self.columns, name)
    }

    /// Whether a column can be asked for as numbers.
    pub fn is_numeric(&self, column: usize) -> bool {
        self.columns.get(column).is_some_and(|column| column.kind.is_numeric())
    }

    /// Whether a column can be asked for as text.
    pub fn is_text(&self, column: usize) -> bool {
        self.columns.get(column).is_some_and(|column| column.kind.is_text())
    }

    /// The id column; without one the row number is the id.
    pub fn id(&self) -> Option<usize> {
        self.id
    }

    /// How the id column is written in Parquet, for writing ids back as they were (a UUID stays a UUID).
    pub fn id_type(&self) -> Option<(&DataType, &TypePtr)> {
        let column = self.columns.get(self.id?)?;
        Some((&column.data_type, self.id_type.as_ref()?))
    }

    /// A column's type in Arrow and, where the files hold it, in Parquet.
    pub fn column_type(&self, column: usize) -> Option<(&DataType, Option<&TypePtr>)> {
        let info = self.columns.get(column)?;
        let schema = self.files.first()?.metadata.file_metadata().schema_descr();
        let parquet = schema.root_schema().get_fields().iter().find(|field| field.name() == info.name);
        Some((&info.data_type, parquet))
    }

    /// Rows over all files, from the footers; at least one.
    pub fn n_rows(&self) -> u64 {
        self.n_rows
    }

    /// Where a row of a batch lies, for errors.
    pub fn place(&self, batch: &Batch, column: Option<usize>, row_in_batch: usize) -> Place {
        self.place_at(batch.file, batch.row_group, column, Some(batch.row_in_file + row_in_batch as u64))
    }

    pub(super) fn place_at(&self, file: usize, row_group: usize, column: Option<usize>, row: Option<u64>) -> Place {
        Place {
            file: self.files.get(file).map(|file| file.path.display().to_string()),
            row_group: Some(row_group),
            column: column.and_then(|column| self.columns.get(column)).map(|column| column.name.clone()),
            row,
            line: None,
        }
    }
}

fn place_of(path: &std::path::Path) -> Place {
    Place { file: Some(path.display().to_string()), ..Place::default() }
}

fn lies(name: &str, relative: &str, footer: &Footer) -> Lies {
    match footer.columns.iter().find(|column| column.name == name) {
        Some(column) => column.leaf.map_or(Lies::Nested, Lies::Leaf),
        None => Lies::Folder(files::partitions(relative).into_iter().find(|(key, _)| key == name).and_then(|(_, v)| v)),
    }
}

/// The columns that all files share, folders included.
fn agreed_columns(found: &[files::Found], footers: &[Footer]) -> Result<Vec<ColumnInfo>> {
    let (Some(first), Some(first_file)) = (footers.first(), found.first()) else {
        return Err(Error::bug("a source without files"));
    };
    let first_name = first_file.path.display();
    for (file, footer) in found.iter().zip(footers).skip(1) {
        let differs = |column: &str, text: String| {
            let mut place = place_of(&file.path);
            place.column = Some(column.to_string());
            Error::bad_data(text)
                .at(place)
                .hint("all files of a source have the same columns with the same types; write the odd ones again")
        };
        for column in &first.columns {
            match footer.columns.iter().find(|other| other.name == column.name) {
                Some(other) if other.data_type == column.data_type => {}
                Some(other) => {
                    let text = format!("the type is {} here and {} in {first_name}", other.data_type, column.data_type);
                    return Err(differs(&column.name, text));
                }
                None => {
                    return Err(differs(&column.name, format!("the column is missing here but is in {first_name}")));
                }
            }
        }
        if let Some(extra) = footer.columns.iter().find(|c| first.columns.iter().all(|other| other.name != c.name)) {
            return Err(differs(&extra.name, format!("the column is here but not in {first_name}")));
        }
    }
    let mut columns: Vec<ColumnInfo> = first
        .columns
        .iter()
        .map(|column| ColumnInfo {
            name: column.name.clone(),
            kind: match column.leaf {
                Some(_) => ColumnKind::of(&column.data_type),
                None => ColumnKind::Other(column.data_type.to_string()),
            },
            data_type: column.data_type.clone(),
        })
        .collect();
    columns.extend(folder_columns(found, first)?);
    if columns.is_empty() {
        return Err(Error::bad_data("there are no columns").at(place_of(&first_file.path)));
    }
    Ok(columns)
}

/// `key=value` folders as columns: integers where every value is one, else text. A column of the files goes before a
/// folder of the same name.
fn folder_columns(found: &[files::Found], first: &Footer) -> Result<Vec<ColumnInfo>> {
    let keys_of = |file: &files::Found| {
        let mut keys: Vec<String> = files::partitions(&file.relative).into_iter().map(|(key, _)| key).collect();
        keys.retain(|key| first.columns.iter().all(|column| &column.name != key));
        keys.sort();
        keys.dedup();
        keys
    };
    let keys = found.first().map(keys_of).unwrap_or_default();
    if let Some(odd) = found.iter().find(|file| keys_of(file) != keys) {
        return Err(Error::bad_data("the file lies in other key=value folders than the first file")
            .at(place_of(&odd.path))
            .hint("all files of a source lie in folders of the same keys"));
    }
    let columns = keys.into_iter().map(|key| {
        let whole = found.iter().flat_map(|file| files::partitions(&file.relative)).filter(|(k, _)| *k == key).all(
            |(_, value)| match value {
                Some(value) => value.parse::<i64>().is_ok(),
                None => true,
            },
        );
        let (kind, data_type) =
            if whole { (ColumnKind::Integer, DataType::Int64) } else { (ColumnKind::Text, DataType::Utf8) };
        ColumnInfo { name: key, kind, data_type }
    });
    Ok(columns.collect())
}
