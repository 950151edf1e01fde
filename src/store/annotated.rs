//! Parquet types that Arrow's own do not carry: annotated bytes, of which UUIDs are the usual case. What was read as a
//! UUID is written as one.

use arrow::datatypes::Schema;
use parquet::arrow::ArrowSchemaConverter;
use parquet::basic::{LogicalType, Repetition};
use parquet::errors::ParquetError;
use parquet::schema::types::{SchemaDescriptor, Type, TypePtr};

/// The Parquet schema that Arrow's would become, but for the columns that are annotated in `known`, the types that some
/// of them had where they were read. None where no column is.
pub fn with_annotations(schema: &Schema, known: &[TypePtr]) -> Result<Option<SchemaDescriptor>, ParquetError> {
    let annotated: Vec<&TypePtr> = known.iter().filter(|known| is_annotated(known)).collect();
    if annotated.is_empty() {
        return Ok(None);
    }
    let usual = ArrowSchemaConverter::new().convert(schema)?;
    let mut fields = usual.root_schema().get_fields().to_vec();
    for field in &mut fields {
        let info = field.get_basic_info();
        if let Some(known) = annotated.iter().find(|known| known.name() == info.name()) {
            *field = std::sync::Arc::new(as_it_was(known, info.repetition())?);
        }
    }
    let root = Type::group_type_builder(usual.root_schema().name()).with_fields(fields).build()?;
    Ok(Some(SchemaDescriptor::new(std::sync::Arc::new(root))))
}

fn is_annotated(known: &TypePtr) -> bool {
    let annotation = known.get_basic_info().logical_type_ref();
    let lost =
        matches!(annotation, Some(LogicalType::Uuid | LogicalType::Json | LogicalType::Bson | LogicalType::Enum));
    lost && known.is_primitive()
}

fn as_it_was(known: &TypePtr, repetition: Repetition) -> Result<Type, ParquetError> {
    let length = match known.as_ref() {
        Type::PrimitiveType { type_length, .. } => *type_length,
        Type::GroupType { .. } => -1,
    };
    Type::primitive_type_builder(known.name(), known.get_physical_type())
        .with_repetition(repetition)
        .with_length(length)
        .with_logical_type(known.get_basic_info().logical_type_ref().cloned())
        .build()
}
