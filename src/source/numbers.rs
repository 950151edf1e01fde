//! Arrow arrays of every numeric type to f64, each value rounded correctly once.
//!
//! Integers, decimals, dates and times become the f64 nearest to the value they stand for. A null becomes [`NULL`];
//! every NaN of the data becomes the one ordinary NaN, so that it is never taken for a null.

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::*;

use super::MAGNITUDE_MAX;

/// What a null is read as: a NaN with a payload that no value read from a file carries.
pub const NULL: f64 = f64::from_bits(0x7ff8_7365_676d_6e74);

/// Whether this number was a null.
#[inline]
pub fn is_null_value(value: f64) -> bool {
    value.to_bits() == NULL.to_bits()
}

/// The values as f64, or `None` where the type is not numeric.
pub(super) fn to_numbers(array: ArrayRef) -> Option<Vec<f64>> {
    match array.data_type() {
        DataType::Int8 => convert::<Int8Type>(&array, f64::from),
        DataType::Int16 => convert::<Int16Type>(&array, f64::from),
        DataType::Int32 => convert::<Int32Type>(&array, f64::from),
        DataType::Int64 => convert::<Int64Type>(&array, |v| v as f64),
        DataType::UInt8 => convert::<UInt8Type>(&array, f64::from),
        DataType::UInt16 => convert::<UInt16Type>(&array, f64::from),
        DataType::UInt32 => convert::<UInt32Type>(&array, f64::from),
        DataType::UInt64 => convert::<UInt64Type>(&array, |v| v as f64),
        DataType::Float16 => convert::<Float16Type>(&array, |v| canonical(v.to_f64())),
        DataType::Float32 => convert::<Float32Type>(&array, |v| canonical(f64::from(v))),
        DataType::Float64 => Some(take_f64(array)),
        DataType::Decimal32(_, scale) => convert::<Decimal32Type>(&array, |v| decimal(i128::from(v), *scale)),
        DataType::Decimal64(_, scale) => convert::<Decimal64Type>(&array, |v| decimal(i128::from(v), *scale)),
        DataType::Decimal128(_, scale) => convert::<Decimal128Type>(&array, |v| decimal(v, *scale)),
        DataType::Decimal256(_, scale) => convert::<Decimal256Type>(&array, |v| match v.to_i128() {
            Some(v) => decimal(v, *scale),
            None => parsed(&v.to_string(), *scale),
        }),
        DataType::Boolean => booleans(&array),
        DataType::Date32 => convert::<Date32Type>(&array, f64::from),
        DataType::Date64 => convert::<Date64Type>(&array, |v| quotient(v, 86_400_000)),
        DataType::Timestamp(unit, _) => match unit {
            TimeUnit::Second => convert::<TimestampSecondType>(&array, |v| v as f64),
            TimeUnit::Millisecond => convert::<TimestampMillisecondType>(&array, |v| quotient(v, 1_000)),
            TimeUnit::Microsecond => convert::<TimestampMicrosecondType>(&array, |v| quotient(v, 1_000_000)),
            TimeUnit::Nanosecond => convert::<TimestampNanosecondType>(&array, |v| quotient(v, 1_000_000_000)),
        },
        DataType::Time32(TimeUnit::Second) => convert::<Time32SecondType>(&array, f64::from),
        DataType::Time32(_) => convert::<Time32MillisecondType>(&array, |v| quotient(i64::from(v), 1_000)),
        DataType::Time64(TimeUnit::Microsecond) => convert::<Time64MicrosecondType>(&array, |v| quotient(v, 1_000_000)),
        DataType::Time64(_) => convert::<Time64NanosecondType>(&array, |v| quotient(v, 1_000_000_000)),
        DataType::Duration(unit) => match unit {
            TimeUnit::Second => convert::<DurationSecondType>(&array, |v| v as f64),
            TimeUnit::Millisecond => convert::<DurationMillisecondType>(&array, |v| quotient(v, 1_000)),
            TimeUnit::Microsecond => convert::<DurationMicrosecondType>(&array, |v| quotient(v, 1_000_000)),
            TimeUnit::Nanosecond => convert::<DurationNanosecondType>(&array, |v| quotient(v, 1_000_000_000)),
        },
        DataType::Dictionary(..) => dictionary(&array),
        _ => None,
    }
}

/// Whether this is a finite number that is larger than squares can bear.
#[inline]
pub(super) fn is_too_large(number: f64) -> bool {
    // Without a branch, for those who ask it of a whole column.
    (number.abs() > MAGNITUDE_MAX) & number.is_finite()
}

#[inline]
fn canonical(value: f64) -> f64 {
    if value.is_nan() { f64::NAN } else { value }
}

fn convert<T: ArrowPrimitiveType>(array: &ArrayRef, f: impl Fn(T::Native) -> f64) -> Option<Vec<f64>> {
    let array: &PrimitiveArray<T> = array.as_primitive_opt()?;
    let mut numbers: Vec<f64> = array.values().iter().map(|v| f(*v)).collect();
    mark_nulls(&mut numbers, array.nulls());
    Some(numbers)
}

/// f64 columns are taken over without a copy where nobody else holds the buffer.
fn take_f64(array: ArrayRef) -> Vec<f64> {
    let owned: PrimitiveArray<Float64Type> = array.as_primitive().clone();
    drop(array);
    let (_, values, nulls) = owned.into_parts();
    let mut numbers: Vec<f64> = match values.into_inner().into_vec::<f64>() {
        Ok(numbers) => numbers,
        Err(shared) => shared.typed_data::<f64>().to_vec(),
    };
    for value in &mut numbers {
        *value = canonical(*value);
    }
    mark_nulls(&mut numbers, nulls.as_ref());
    numbers
}

fn booleans(array: &ArrayRef) -> Option<Vec<f64>> {
    let array = array.as_boolean_opt()?;
    let mut numbers: Vec<f64> = array.values().iter().map(|v| f64::from(u8::from(v))).collect();
    mark_nulls(&mut numbers, array.nulls());
    Some(numbers)
}

fn dictionary(array: &ArrayRef) -> Option<Vec<f64>> {
    let array = array.as_any_dictionary_opt()?;
    let values = to_numbers(array.values().clone())?;
    if values.is_empty() {
        return Some(vec![NULL; array.len()]);
    }
    let mut numbers: Vec<f64> =
        array.normalized_keys().into_iter().map(|key| values.get(key).copied().unwrap_or(NULL)).collect();
    mark_nulls(&mut numbers, array.nulls());
    Some(numbers)
}

fn mark_nulls(numbers: &mut [f64], nulls: Option<&NullBuffer>) {
    let Some(nulls) = nulls.filter(|nulls| nulls.null_count() > 0) else { return };
    for (value, valid) in numbers.iter_mut().zip(nulls.iter()) {
        if !valid {
            *value = NULL;
        }
    }
}

/// Integers up to here are f64 values.
const EXACT: u64 = 1 << 53;

/// Powers of ten that are f64 values.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// unscaled / 10^scale. Where both are f64 values one division rounds correctly; else the decimal text is parsed,
/// which rounds correctly too.
fn decimal(unscaled: i128, scale: i8) -> f64 {
    let power = usize::try_from(scale).ok().and_then(|scale| POWERS.get(scale));
    match power {
        Some(power) if unscaled.unsigned_abs() <= u128::from(EXACT) => unscaled as f64 / power,
        _ => parsed(&unscaled.to_string(), scale),
    }
}

fn parsed(unscaled: &str, scale: i8) -> f64 {
    // Digits and an exponent always parse; a NaN would be reported as a missing value, never as a wrong one.
    format!("{unscaled}e{}", -i16::from(scale)).parse().unwrap_or(f64::NAN)
}

/// value / unit, rounded once. `unit` is below 2^30.
fn quotient(value: i64, unit: u64) -> f64 {
    let magnitude = value.unsigned_abs();
    let quotient = if magnitude <= EXACT {
        magnitude as f64 / unit as f64
    } else if magnitude.is_multiple_of(unit) {
        (magnitude / unit) as f64
    } else {
        // 60 more bits than the integer part has, and a last bit that says "there is more": rounding these to 53 bits
        // rounds the true quotient.
        const SHIFT: u32 = 60;
        let wide = u128::from(magnitude) << SHIFT;
        let unit = u128::from(unit);
        let sticky = u128::from(!wide.is_multiple_of(unit));
        ((wide / unit) | sticky) as f64 / (1u64 << SHIFT) as f64
    };
    if value < 0 { -quotient } else { quotient }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use arrow::array::*;

    fn numbers(array: impl Array + 'static) -> Vec<f64> {
        to_numbers(Arc::new(array)).unwrap_or_default()
    }

    fn bits(numbers: &[f64]) -> Vec<u64> {
        numbers.iter().map(|v| v.to_bits()).collect()
    }

    #[test]
    fn nulls_are_told_from_nans_in_every_type() {
        let odd = f64::from_bits(NULL.to_bits());
        let read = numbers(Float64Array::from(vec![Some(1.5), None, Some(odd), Some(f64::INFINITY)]));
        assert_eq!(bits(&read), bits(&[1.5, NULL, f64::NAN, f64::INFINITY]));
        assert!(is_null_value(read[1]) && !is_null_value(read[2]));
        let read = numbers(Float32Array::from(vec![None, Some(f32::NAN), Some(0.5)]));
        assert_eq!(bits(&read), bits(&[NULL, f64::NAN, 0.5]));
        assert_eq!(bits(&numbers(BooleanArray::from(vec![Some(true), None, Some(false)]))), bits(&[1.0, NULL, 0.0]));
        assert_eq!(
            bits(&numbers(UInt64Array::from(vec![None, Some(u64::MAX)]))),
            bits(&[NULL, 18446744073709551615.0])
        );
    }

    #[test]
    fn decimals_are_rounded_once() {
        let array = Decimal128Array::from(vec![1, 299, -5, 900_719_925_474_099_300]).with_precision_and_scale(30, 2);
        assert_eq!(array.ok().map(numbers), Some(vec![0.01, 2.99, -0.05, 9007199254740992.0]));
        let long = "12345678901234567890123456789012345678";
        let value: i128 = long.parse().unwrap_or_default();
        assert_eq!(decimal(value, 30), format!("{long}e-30").parse::<f64>().unwrap_or_default());
        assert_eq!(decimal(7, -3), 7000.0);
        let huge = i256::from_i128(i128::MAX).wrapping_mul(i256::from_i128(1000));
        let array = Decimal256Array::from(vec![huge]).with_precision_and_scale(76, 3);
        assert_eq!(array.ok().map(numbers), Some(vec![i128::MAX as f64]));
    }

    #[test]
    fn times_are_seconds_and_dates_are_days() {
        assert_eq!(numbers(Date32Array::from(vec![19_000, -1])), [19_000.0, -1.0]);
        assert_eq!(numbers(Date64Array::from(vec![86_400_000 * 3])), [3.0]);
        assert_eq!(numbers(TimestampMillisecondArray::from(vec![1_500, -250])), [1.5, -0.25]);
        assert_eq!(numbers(TimestampNanosecondArray::from(vec![1_700_000_000_123_456_789])), [1_700_000_000.123_456_8]);
        assert_eq!(numbers(Time64MicrosecondArray::from(vec![86_399_999_999])), [86_399.999_999]);
        assert_eq!(numbers(DurationSecondArray::from(vec![90])), [90.0]);
    }

    #[test]
    fn a_quotient_is_the_nearest_f64() {
        // Compared with the decimal text of the exact quotient, which std parses correctly.
        let mut state = 1u64;
        for _ in 0..10_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let value = state as i64;
            let text = format!("{}e-9", value);
            assert_eq!(quotient(value, 1_000_000_000).to_bits(), text.parse::<f64>().unwrap_or_default().to_bits());
        }
        assert_eq!(quotient(i64::MIN, 1_000), -9_223_372_036_854_776.0);
    }

    #[test]
    fn dictionaries_are_read_through() {
        let keys = Int8Array::from(vec![Some(1), None, Some(0), Some(2)]);
        let values = Float64Array::from(vec![Some(0.25), Some(4.0), None]);
        let array = DictionaryArray::try_new(keys, Arc::new(values)).ok();
        assert_eq!(array.map(|a| bits(&numbers(a))), Some(bits(&[4.0, NULL, 0.25, NULL])));
        let keys = Int8Array::from(vec![None, None]);
        let array = DictionaryArray::try_new(keys, Arc::new(Int64Array::from(Vec::<i64>::new()))).ok();
        assert_eq!(array.map(|a| bits(&numbers(a))), Some(bits(&[NULL, NULL])));
    }

    #[test]
    fn only_finite_numbers_can_be_too_large() {
        assert!(![1e100, f64::INFINITY, NULL, -1e100].into_iter().any(is_too_large));
        assert!(is_too_large(-1.1e100));
    }
}
