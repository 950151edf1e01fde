//! Generated customers as columns: the names and types that a generated file has, and the Arrow batches that are
//! written. What a customer is like is drawn elsewhere.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::{Kind, planted, recipe};
use crate::error::{Error, Result};

/// One generated customer.
#[derive(Debug, Clone, PartialEq)]
pub struct Customer {
    /// Days since the last order.
    pub recency: i64,
    /// Orders.
    pub frequency: i64,
    /// Money spent in all.
    pub monetary: f64,
    /// Days since the account was opened.
    pub tenure: i64,
    /// Share of orders sent back.
    pub return_rate: f64,
    /// Share of orders bought at a discount.
    pub discount_usage: f64,
    /// 1 to 5.
    pub satisfaction_score: i64,
    /// Minutes per visit.
    pub avg_time_site_min: f64,
    pub support_calls: i64,
    /// Share of messages opened; planted groups only.
    pub engagement_rate: f64,
    /// The planted group; planted groups only.
    pub truth: Option<&'static str>,
}

/// A column's name and how it is read from a customer.
type Column<T> = (&'static str, fn(&Customer) -> T);

const INTEGERS: [Column<i64>; 5] = [
    ("recency", |c| c.recency),
    ("frequency", |c| c.frequency),
    ("tenure", |c| c.tenure),
    ("satisfaction_score", |c| c.satisfaction_score),
    ("support_calls", |c| c.support_calls),
];

const FLOATS: [Column<f64>; 5] = [
    ("monetary", |c| c.monetary),
    ("return_rate", |c| c.return_rate),
    ("discount_usage", |c| c.discount_usage),
    ("avg_time_site_min", |c| c.avg_time_site_min),
    ("engagement_rate", |c| c.engagement_rate),
];

/// The columns of a table, in order.
const RECIPE: [&str; 10] = [
    "customer_id",
    "recency",
    "frequency",
    "monetary",
    "tenure",
    "return_rate",
    "discount_usage",
    "satisfaction_score",
    "avg_time_site_min",
    "support_calls",
];
const PLANTED: [&str; 12] = [
    "customer_id",
    "recency",
    "frequency",
    "monetary",
    "tenure",
    "return_rate",
    "discount_usage",
    "satisfaction_score",
    "avg_time_site_min",
    "support_calls",
    "engagement_rate",
    // Text, so that nobody clusters on it by leaving the features open.
    "truth",
];

fn names(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Recipe => &RECIPE,
        Kind::Planted => &PLANTED,
    }
}

/// One customer; depends on nothing but the arguments.
pub fn customer(kind: Kind, seed: u64, row: u64) -> Customer {
    match kind {
        Kind::Recipe => recipe::customer(seed, row),
        Kind::Planted => planted::customer(seed, row),
    }
}

pub(super) fn schema(kind: Kind) -> SchemaRef {
    let field = |name: &&str| {
        let data_type = match *name {
            "truth" => DataType::Utf8,
            name if FLOATS.iter().any(|(float, _)| *float == name) => DataType::Float64,
            _ => DataType::Int64,
        };
        Field::new(*name, data_type, false)
    };
    Arc::new(Schema::new(names(kind).iter().map(field).collect::<Vec<_>>()))
}

/// The rows of a range; the id of row i is i + 1.
pub(super) fn batch(kind: Kind, seed: u64, rows: Range<u64>) -> Result<RecordBatch> {
    let customers: Vec<Customer> = rows.clone().map(|row| customer(kind, seed, row)).collect();
    let columns = names(kind).iter().map(|name| -> ArrayRef {
        if let Some((_, value)) = INTEGERS.iter().find(|(integer, _)| integer == name) {
            return Arc::new(Int64Array::from_iter_values(customers.iter().map(value)));
        }
        if let Some((_, value)) = FLOATS.iter().find(|(float, _)| float == name) {
            return Arc::new(Float64Array::from_iter_values(customers.iter().map(value)));
        }
        if *name == "truth" {
            return Arc::new(StringArray::from_iter_values(customers.iter().filter_map(|c| c.truth)));
        }
        Arc::new(Int64Array::from_iter_values(rows.clone().map(|row| row as i64 + 1)))
    });
    RecordBatch::try_new(schema(kind), columns.collect())
        .map_err(|error| Error::bug("generated columns do not fit together").because(error.to_string()))
}
