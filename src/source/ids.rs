//! Ids: who a row is. They keep the type they had, are hashed to keys for every random choice, and are never printed.
//!
//! A key depends on the value alone: integers hash by value whatever their width (a bijection of the 64-bit value, so
//! that two integer ids never share a key), text and bytes by their bytes whatever array type holds them. Dates, times
//! and decimals without fraction count as integers.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, UInt64Array};
use arrow::datatypes::*;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// What a macro makes of the type that integers of a column have, or of a column of no integers.
macro_rules! of_integer_type {
    ($data_type:expr, $each:ident, $other:expr) => {
        match $data_type {
            DataType::Int8 => $each!(Int8Type),
            DataType::Int16 => $each!(Int16Type),
            DataType::Int32 => $each!(Int32Type),
            DataType::Int64 => $each!(Int64Type),
            DataType::UInt8 => $each!(UInt8Type),
            DataType::UInt16 => $each!(UInt16Type),
            DataType::UInt32 => $each!(UInt32Type),
            DataType::UInt64 => $each!(UInt64Type),
            _ => $other,
        }
    };
}

/// Ids of a batch.
#[derive(Debug, Clone)]
pub struct Ids {
    array: ArrayRef,
}

/// One id's value, borrowed. Two ids are the same customer when these are equal.
#[derive(Debug, PartialEq)]
enum Value<'a> {
    Null,
    Integer(i128),
    /// A decimal that is no 64-bit integer: unscaled value and scale.
    Decimal(i256, i8),
    /// Bits of a float that is no integer.
    Float(u64),
    Bytes(&'a [u8]),
}

impl Ids {
    pub(super) fn new(array: ArrayRef) -> Self {
        Self { array }
    }

    /// Where the source has no id column the row number over the whole source is the id.
    pub(super) fn row_numbers(first: u64, n: usize) -> Self {
        Self { array: Arc::new(UInt64Array::from_iter_values((first..).take(n))) }
    }

    pub fn len(&self) -> usize {
        self.array.len()
    }

    pub fn is_empty(&self) -> bool {
        self.array.is_empty()
    }

    /// Order keys, one per id. `out` has the length of the batch.
    pub fn keys(&self, seed: u64, out: &mut [u64]) {
        macro_rules! integers {
            ($type:ty) => {
                self.integer_keys::<$type>(seed, out, |v| v as u64)
            };
        }
        of_integer_type!(self.array.data_type(), integers, {
            if let DataType::Dictionary(..) = self.array.data_type() {
                return self.dictionary_keys(seed, out);
            }
            for (i, key) in out.iter_mut().enumerate() {
                *key = self.value(i).key(seed);
            }
        })
    }

    /// The first and the last of integers that rise from row to row; none where they do not, or are of another type.
    pub(super) fn rising(&self) -> Option<(i128, i128)> {
        macro_rules! ends {
            ($type:ty) => {{
                let values = self.array.as_primitive_opt::<$type>()?.values();
                let rises = values.windows(2).all(|pair| pair[0] < pair[1]);
                rises.then(|| Some(((*values.first()?).into(), (*values.last()?).into())))?
            }};
        }
        of_integer_type!(self.array.data_type(), ends, None)
    }

    pub fn is_null(&self, i: usize) -> bool {
        matches!(self.value(i), Value::Null)
    }

    /// Whether two rows carry the same id.
    pub fn equal(&self, i: usize, other: &Ids, j: usize) -> bool {
        self.value(i) == other.value(j)
    }

    /// The ids as Arrow holds them, for writing them back.
    pub fn array(&self) -> &ArrayRef {
        &self.array
    }

    /// One id on its own, without keeping the batch alive.
    pub(super) fn copied(&self, i: usize) -> Option<Ids> {
        let index = UInt64Array::from(vec![u64::try_from(i).ok()?]);
        let array = arrow::compute::take(&self.array, &index, None).ok()?;
        Some(Ids { array })
    }

    /// The first row without an id, if there is one.
    pub(super) fn first_null(&self) -> Option<usize> {
        let floats = matches!(self.array.data_type(), DataType::Float16 | DataType::Float32 | DataType::Float64);
        let possible = floats || self.array.is_nullable();
        if possible { (0..self.len()).find(|i| self.is_null(*i)) } else { None }
    }

    fn value(&self, i: usize) -> Value<'_> {
        value(&self.array, i)
    }

    fn integer_keys<T: ArrowPrimitiveType>(&self, seed: u64, out: &mut [u64], widen: impl Fn(T::Native) -> u64) {
        if let Some(array) = self.array.as_primitive_opt::<T>() {
            for (key, v) in out.iter_mut().zip(array.values()) {
                *key = integer_key(widen(*v), seed);
            }
        }
    }

    /// Each distinct value is hashed once.
    fn dictionary_keys(&self, seed: u64, out: &mut [u64]) {
        let Some(dictionary) = self.array.as_any_dictionary_opt() else { return };
        let values = Ids { array: dictionary.values().clone() };
        if values.is_empty() {
            return;
        }
        let mut keys = vec![0; values.len()];
        values.keys(seed, &mut keys);
        for (key, position) in out.iter_mut().zip(dictionary.normalized_keys()) {
            *key = keys.get(position).copied().unwrap_or_default();
        }
    }
}

/// A bijection of the 64-bit value for every seed (the finaliser of splitmix64).
#[inline]
fn integer_key(value: u64, seed: u64) -> u64 {
    let mut z = value.wrapping_add(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Value<'_> {
    fn key(&self, seed: u64) -> u64 {
        match self {
            Value::Null => 0,
            Value::Integer(v) => integer_key(*v as u64, seed),
            Value::Decimal(v, scale) => {
                let mut bytes = [0; 33];
                bytes[..32].copy_from_slice(&v.to_le_bytes());
                bytes[32] = *scale as u8;
                xxh3_64_with_seed(&bytes, seed)
            }
            Value::Float(bits) => xxh3_64_with_seed(&bits.to_le_bytes(), seed),
            Value::Bytes(bytes) => xxh3_64_with_seed(bytes, seed),
        }
    }
}

fn value(array: &dyn Array, i: usize) -> Value<'_> {
    fn native<T: ArrowPrimitiveType>(array: &dyn Array, i: usize) -> T::Native {
        array.as_primitive::<T>().value(i)
    }
    if array.is_null(i) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Int8 => Value::Integer(native::<Int8Type>(array, i).into()),
        DataType::Int16 => Value::Integer(native::<Int16Type>(array, i).into()),
        DataType::Int32 => Value::Integer(native::<Int32Type>(array, i).into()),
        DataType::Int64 => Value::Integer(native::<Int64Type>(array, i).into()),
        DataType::UInt8 => Value::Integer(native::<UInt8Type>(array, i).into()),
        DataType::UInt16 => Value::Integer(native::<UInt16Type>(array, i).into()),
        DataType::UInt32 => Value::Integer(native::<UInt32Type>(array, i).into()),
        DataType::UInt64 => Value::Integer(native::<UInt64Type>(array, i).into()),
        DataType::Float16 => float(native::<Float16Type>(array, i).to_f64()),
        DataType::Float32 => float(native::<Float32Type>(array, i).into()),
        DataType::Float64 => float(native::<Float64Type>(array, i)),
        DataType::Decimal32(_, scale) => decimal(i256::from_i128(native::<Decimal32Type>(array, i).into()), *scale),
        DataType::Decimal64(_, scale) => decimal(i256::from_i128(native::<Decimal64Type>(array, i).into()), *scale),
        DataType::Decimal128(_, scale) => decimal(i256::from_i128(native::<Decimal128Type>(array, i)), *scale),
        DataType::Decimal256(_, scale) => decimal(native::<Decimal256Type>(array, i), *scale),
        DataType::Date32 => Value::Integer(native::<Date32Type>(array, i).into()),
        DataType::Date64 => Value::Integer(native::<Date64Type>(array, i).into()),
        DataType::Timestamp(TimeUnit::Second, _) => Value::Integer(native::<TimestampSecondType>(array, i).into()),
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            Value::Integer(native::<TimestampMillisecondType>(array, i).into())
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            Value::Integer(native::<TimestampMicrosecondType>(array, i).into())
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            Value::Integer(native::<TimestampNanosecondType>(array, i).into())
        }
        DataType::Utf8 => Value::Bytes(array.as_string::<i32>().value(i).as_bytes()),
        DataType::LargeUtf8 => Value::Bytes(array.as_string::<i64>().value(i).as_bytes()),
        DataType::Utf8View => Value::Bytes(array.as_string_view().value(i).as_bytes()),
        DataType::Binary => Value::Bytes(array.as_binary::<i32>().value(i)),
        DataType::LargeBinary => Value::Bytes(array.as_binary::<i64>().value(i)),
        DataType::BinaryView => Value::Bytes(array.as_binary_view().value(i)),
        DataType::FixedSizeBinary(_) => Value::Bytes(array.as_fixed_size_binary().value(i)),
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            match key_of(dictionary.keys(), i) {
                Some(key) if key < dictionary.values().len() => value(dictionary.values(), key),
                _ => Value::Null,
            }
        }
        _ => Value::Null,
    }
}

/// The position in a dictionary's values that row `i` points at.
fn key_of(keys: &dyn Array, i: usize) -> Option<usize> {
    match value(keys, i) {
        Value::Integer(key) => usize::try_from(key).ok(),
        _ => None,
    }
}

/// A whole number counts as the integer; a NaN is no id.
fn float(v: f64) -> Value<'static> {
    /// Whole numbers up to here are told apart by f64.
    const WHOLE: f64 = (1u64 << 53) as f64;
    if v.is_nan() {
        Value::Null
    } else if v.abs() <= WHOLE && v == libm::trunc(v) {
        Value::Integer(v as i128)
    } else {
        Value::Float(v.to_bits())
    }
}

fn decimal(v: i256, scale: i8) -> Value<'static> {
    match v.to_i128() {
        Some(small) if scale == 0 && i64::try_from(small).is_ok() => Value::Integer(small),
        _ => Value::Decimal(v, scale),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::*;

    fn ids(array: impl Array + 'static) -> Ids {
        Ids::new(Arc::new(array))
    }

    fn keys(ids: &Ids, seed: u64) -> Vec<u64> {
        let mut out = vec![0; ids.len()];
        ids.keys(seed, &mut out);
        out
    }

    #[test]
    fn integers_hash_by_value_whatever_their_width() {
        let expected = keys(&ids(Int64Array::from(vec![0, 7, 100])), 5);
        assert_eq!(keys(&ids(UInt64Array::from(vec![0, 7, 100])), 5), expected);
        assert_eq!(keys(&ids(Int8Array::from(vec![0, 7, 100])), 5), expected);
        assert_eq!(keys(&ids(UInt16Array::from(vec![0, 7, 100])), 5), expected);
        assert_eq!(keys(&ids(Float64Array::from(vec![-0.0, 7.0, 100.0])), 5), expected);
        let decimals = Decimal128Array::from(vec![0, 7, 100]).with_precision_and_scale(20, 0);
        assert_eq!(decimals.ok().map(|a| keys(&ids(a), 5)), Some(expected.clone()));
        assert_eq!(keys(&Ids::row_numbers(7, 1), 5), expected[1..2]);
        assert_ne!(keys(&ids(Int64Array::from(vec![0, 7, 100])), 6), expected);
        assert_eq!(keys(&ids(Int32Array::from(vec![-3])), 1), keys(&ids(Int64Array::from(vec![-3])), 1));
    }

    #[test]
    fn bytes_hash_alike_whatever_array_holds_them() {
        let expected = keys(&ids(StringArray::from(vec!["a", "", "a longer customer name"])), 9);
        assert_eq!(keys(&ids(LargeStringArray::from(vec!["a", "", "a longer customer name"])), 9), expected);
        assert_eq!(keys(&ids(StringViewArray::from(vec!["a", "", "a longer customer name"])), 9), expected);
        assert_eq!(keys(&ids(BinaryArray::from(vec![&b"a"[..], b"", b"a longer customer name"])), 9), expected);
        let dictionary: DictionaryArray<Int32Type> = vec!["a", "", "a longer customer name"].into_iter().collect();
        assert_eq!(keys(&ids(dictionary), 9), expected);
    }

    #[test]
    fn equality_is_by_value() {
        let a = ids(StringArray::from(vec![Some("x"), Some("y"), None]));
        let dictionary: DictionaryArray<Int8Type> = vec!["y", "x", "y"].into_iter().collect();
        let b = ids(dictionary);
        assert!(a.equal(0, &b, 1) && a.equal(1, &b, 0) && a.equal(1, &b, 2) && !a.equal(0, &b, 0));
        assert!(a.is_null(2) && !a.is_null(0));
        assert_eq!(a.first_null(), Some(2));
        assert_eq!(b.first_null(), None);
        assert!(b.copied(2).is_some_and(|one| one.len() == 1 && one.equal(0, &a, 1)));
    }

    #[test]
    fn decimals_beyond_64_bits_are_told_apart() {
        let big = i128::from(i64::MAX) + 1;
        let array = Decimal128Array::from(vec![big, big + 1, -5]).with_precision_and_scale(30, 0).ok();
        let keys = array.map(|a| keys(&ids(a), 3)).unwrap_or_default();
        assert!(keys.len() == 3 && keys[0] != keys[1] && keys[1] != keys[2]);
    }

    #[test]
    fn a_nan_is_no_id() {
        assert_eq!(ids(Float64Array::from(vec![1.0, f64::NAN])).first_null(), Some(1));
    }
}
