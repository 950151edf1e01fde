//! A list as bytes: CSV by RFC 4180 (comma, CRLF, quotes where needed, a header, UTF-8), or Parquet, in which ids and
//! columns keep the types they came with.

use std::io::Write;
use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Float64Array, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field as ArrowField, Int32Type, Schema};
use csv::{StringRecord, Terminator, Writer, WriterBuilder};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, LogicalType};
use parquet::file::properties::WriterProperties;
use parquet::schema::types::TypePtr;

use super::cells::{Cells, Shown, harmless};
use super::rows::{Input, listed_type};
use super::surest::Portion;
use super::{Format, unwritable};
use crate::error::{Error, Kind, Result};
use crate::source::Source;
use crate::store::{ROW_GROUP_ROWS, with_annotations};

/// What the run says of a customer, behind the id.
const OF_THE_RUN: [&str; 4] = ["persona", "second_persona", "distance", "margin"];

/// A column that is read from a file: the id, or one of the input.
#[derive(Debug, Clone)]
pub(super) struct Field {
    name: String,
    data_type: DataType,
    parquet: Option<TypePtr>,
}

impl Field {
    fn of(source: &Source, column: usize) -> Result<Field> {
        let bug = || Error::bug("a column number without a column");
        let name = source.columns().get(column).ok_or_else(bug)?.name.clone();
        let (data_type, parquet) = source.column_type(column).ok_or_else(bug)?;
        Ok(Field { name, data_type: listed_type(data_type), parquet: parquet.cloned() })
    }

    fn shown(&self) -> Shown {
        let annotation = self.parquet.as_ref().and_then(|parquet| parquet.get_basic_info().logical_type_ref());
        match annotation {
            Some(LogicalType::Uuid) => Shown::Uuid,
            Some(LogicalType::Enum | LogicalType::Json) => Shown::Text,
            _ => Shown::Plainly,
        }
    }
}

/// The id first, then the columns of the input. No two columns of the list have one name.
pub(super) fn fields(assignments: &Source, input: Option<&Input>) -> Result<Vec<Field>> {
    let id = assignments.id().ok_or_else(|| Error::bug("assignments without an id"))?;
    let mut fields = vec![Field::of(assignments, id)?];
    for name in input.iter().flat_map(|input| input.columns.iter().map(|name| (&input.source, name))) {
        let (source, name) = name;
        if OF_THE_RUN.contains(&name.as_str()) || fields.iter().any(|field| field.name == *name) {
            return Err(Error::new(Kind::Usage, format!("the list has a column {name:?} already")).hint(format!(
                "it begins with {}, {}; name each other column once",
                fields[0].name,
                OF_THE_RUN.join(", ")
            )));
        }
        fields.push(Field::of(source, source.column(name)?)?);
    }
    Ok(fields)
}

/// A list that is being written.
pub(super) struct List<'a> {
    fields: &'a [Field],
    names: &'a [(String, Option<String>)],
    sink: Sink<'a>,
}

enum Sink<'a> {
    Csv(Box<Writer<&'a mut (dyn Write + Send)>>),
    Parquet(Box<ArrowWriter<&'a mut (dyn Write + Send)>>),
}

impl<'a> List<'a> {
    /// `names` are persona and second persona by published number.
    pub fn begin(
        format: Format,
        out: &'a mut (dyn Write + Send),
        fields: &'a [Field],
        names: &'a [(String, Option<String>)],
    ) -> Result<List<'a>> {
        let sink = match format {
            Format::Csv => {
                let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(out);
                let header = fields.iter().take(1).map(|field| field.name.as_str()).chain(OF_THE_RUN);
                let header = header.chain(fields.iter().skip(1).map(|field| field.name.as_str()));
                writer.write_record(header.map(|name| harmless(name).into_owned())).map_err(failed)?;
                Sink::Csv(Box::new(writer))
            }
            Format::Parquet => Sink::Parquet(Box::new(parquet_writer(out, fields)?)),
        };
        Ok(List { fields, names, sink })
    }

    pub fn write(&mut self, portion: &Portion) -> Result<()> {
        let records = match &mut self.sink {
            Sink::Csv(_) => self.records(portion)?,
            Sink::Parquet(writer) => {
                let batch = batch(writer_schema(self.fields), self.names, portion)?;
                return writer.write(&batch).map_err(failed_parquet);
            }
        };
        if let Sink::Csv(writer) = &mut self.sink {
            records.iter().try_for_each(|record| writer.write_record(record).map_err(failed))?;
        }
        Ok(())
    }

    pub fn finish(self) -> Result<()> {
        match self.sink {
            Sink::Csv(mut writer) => writer.flush().map_err(unwritable),
            Sink::Parquet(writer) => writer.close().map(|_| ()).map_err(failed_parquet),
        }
    }

    /// The cells of some customers.
    fn records(&self, portion: &Portion) -> Result<Vec<StringRecord>> {
        let mut records = vec![StringRecord::new(); portion.rows.len()];
        let mut add = |row: usize, text: &str| match records.get_mut(row) {
            Some(record) => {
                record.push_field(&harmless(text));
                Ok(())
            }
            None => Err(Error::bug("a column longer than its rows")),
        };
        for (at, (field, column)) in self.fields.iter().zip(&portion.columns).enumerate() {
            Cells::new(column, field.shown())?.each(&mut add)?;
            if at == 0 {
                for (row, figures) in portion.rows.iter().enumerate() {
                    let (persona, second) = name_of(self.names, figures.cluster)?;
                    add(row, persona)?;
                    add(row, second.unwrap_or_default())?;
                    add(row, &figures.distance.to_string())?;
                    add(row, &figures.margin.to_string())?;
                }
            }
        }
        Ok(records)
    }
}

fn name_of(names: &[(String, Option<String>)], cluster: u16) -> Result<(&str, Option<&str>)> {
    let name = names.get(usize::from(cluster)).ok_or_else(|| Error::bug("a customer of a segment without a name"))?;
    Ok((&name.0, name.1.as_deref()))
}

fn writer_schema(fields: &[Field]) -> Arc<Schema> {
    let name = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let mut schema: Vec<ArrowField> = Vec::new();
    for (at, field) in fields.iter().enumerate() {
        schema.push(ArrowField::new(&field.name, field.data_type.clone(), at > 0));
        if at == 0 {
            schema.push(ArrowField::new("persona", name.clone(), false));
            schema.push(ArrowField::new("second_persona", name.clone(), true));
            schema.push(ArrowField::new("distance", DataType::Float64, false));
            schema.push(ArrowField::new("margin", DataType::Float64, false));
        }
    }
    Arc::new(Schema::new(schema))
}

fn parquet_writer<'a>(
    out: &'a mut (dyn Write + Send),
    fields: &[Field],
) -> Result<ArrowWriter<&'a mut (dyn Write + Send)>> {
    let schema = writer_schema(fields);
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_created_by(concat!("segmint ", env!("CARGO_PKG_VERSION")).to_owned());
    let annotated: Vec<TypePtr> = fields.iter().filter_map(|field| field.parquet.clone()).collect();
    let mut options = ArrowWriterOptions::new().with_properties(properties.build());
    if let Some(annotated) = with_annotations(&schema, &annotated).map_err(failed_parquet)? {
        options = options.with_parquet_schema(annotated);
    }
    ArrowWriter::try_new_with_options(out, schema, options).map_err(failed_parquet)
}

fn batch(schema: Arc<Schema>, names: &[(String, Option<String>)], portion: &Portion) -> Result<RecordBatch> {
    let codes = || portion.rows.iter().map(|figures| i32::from(figures.cluster));
    let personas: StringArray = names.iter().map(|(persona, _)| Some(persona.as_str())).collect();
    let seconds: StringArray = names.iter().map(|(_, second)| second.as_deref()).collect();
    let bug = |error: arrow::error::ArrowError| Error::bug("a list that does not fit together").because(error);
    let coded = |values: StringArray, codes: Int32Array| {
        DictionaryArray::<Int32Type>::try_new(codes, Arc::new(values)).map_err(bug)
    };
    let has_second = |code: &i32| {
        usize::try_from(*code).ok().and_then(|at| names.get(at)).is_some_and(|(_, second)| second.is_some())
    };
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(portion.columns.len() + OF_THE_RUN.len());
    for (at, column) in portion.columns.iter().enumerate() {
        columns.push(column.clone());
        if at == 0 {
            columns.push(Arc::new(coded(personas.clone(), codes().collect())?));
            columns
                .push(Arc::new(coded(seconds.clone(), codes().map(|code| Some(code).filter(has_second)).collect())?));
            columns.push(Arc::new(portion.rows.iter().map(|figures| Some(figures.distance)).collect::<Float64Array>()));
            columns.push(Arc::new(portion.rows.iter().map(|figures| Some(figures.margin)).collect::<Float64Array>()));
        }
    }
    RecordBatch::try_new(schema, columns).map_err(bug)
}

fn failed(error: csv::Error) -> Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => unwritable(error),
        other => Error::bug("a list that is no CSV").because(format!("{other:?}")),
    }
}

fn failed_parquet(error: parquet::errors::ParquetError) -> Error {
    match error {
        parquet::errors::ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
            Ok(error) => unwritable(*error),
            Err(inner) => Error::bug("a list that is no Parquet").because(inner.to_string()),
        },
        other => Error::bug("a list that is no Parquet").because(other.to_string()),
    }
}
