//! Values as the texts of a CSV: as they came, and never a formula.
//!
//! A spreadsheet that opens a list takes a text for a formula where it begins with one of a few signs, and a formula can
//! send the list away. An apostrophe before it makes it a text again. Signs behind blanks count too, and signs behind what
//! another setting of the spreadsheet takes for the border of a cell (a semicolon, a tab, a line break). Numbers begin
//! with such signs as well and are no danger: what is a number from end to end stays as it is, whatever its type.

use std::borrow::Cow;
use std::fmt::Write;

use arrow::array::{Array, ArrayRef, AsArray, FixedSizeBinaryArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::error::{Error, Result};

/// The texts of one column's values.
pub(super) struct Cells {
    array: ArrayRef,
    shown: Shown,
}

/// What the bytes of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// As Arrow shows it: text as it is, numbers in full, dates and times by ISO 8601, bytes in hexadecimal.
    Plainly,
    /// Sixteen bytes with hyphens.
    Uuid,
    /// Bytes that are UTF-8 by their annotation.
    Text,
}

const FORMAT: FormatOptions<'static> = FormatOptions::new().with_display_error(false);

impl Cells {
    pub fn new(array: &ArrayRef, shown: Shown) -> Result<Cells> {
        let array = match array.data_type() {
            // An instant: shown in universal time, whatever zone its column names.
            DataType::Timestamp(unit, Some(_)) => universal(array, *unit)?,
            _ => array.clone(),
        };
        Ok(Cells { array, shown })
    }

    /// Hands on the text of every value in order; that of a null is empty.
    pub fn each(&self, mut hand_on: impl FnMut(usize, &str) -> Result<()>) -> Result<()> {
        let unshown = |error: &dyn std::fmt::Display| {
            Error::bad_data("a value cannot be shown as text").because(error.to_string())
        };
        let plainly = ArrayFormatter::try_new(&self.array, &FORMAT).map_err(|error| unshown(&error))?;
        let mut text = String::new();
        for row in 0..self.array.len() {
            text.clear();
            match self.shown {
                Shown::Uuid if !self.array.is_null(row) => uuid(self.array.as_fixed_size_binary(), row, &mut text),
                Shown::Text if let Some(own) = self.utf8(row) => text.push_str(own),
                _ => write!(text, "{}", plainly.value(row)).map_err(|error| unshown(&error))?,
            }
            hand_on(row, &text)?;
        }
        Ok(())
    }

    fn utf8(&self, row: usize) -> Option<&str> {
        let bytes = match self.array.data_type() {
            _ if self.array.is_null(row) => return None,
            DataType::Binary => self.array.as_binary::<i32>().value(row),
            DataType::LargeBinary => self.array.as_binary::<i64>().value(row),
            _ => return None,
        };
        std::str::from_utf8(bytes).ok()
    }
}

fn universal(array: &ArrayRef, unit: TimeUnit) -> Result<ArrayRef> {
    cast(array, &DataType::Timestamp(unit, Some("+00:00".into())))
        .map_err(|error| Error::bug("a time in another zone").because(error))
}

fn uuid(array: &FixedSizeBinaryArray, row: usize, text: &mut String) {
    for (at, byte) in array.value(row).iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        let _ = write!(text, "{byte:02x}");
    }
}

/// Borders of cells where the comma is none.
const BORDERS: [char; 4] = [';', '\t', '\r', '\n'];

/// The text of a cell that no spreadsheet takes for a formula.
pub(super) fn harmless(text: &str) -> Cow<'_, str> {
    let begins_oddly = text.starts_with(['\t', '\r', '\n']);
    if !begins_oddly && !text.split(BORDERS).any(is_formula) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 4);
    if begins_oddly {
        out.push('\'');
    }
    for piece in text.split_inclusive(BORDERS) {
        if is_formula(piece.trim_end_matches(BORDERS)) {
            out.push('\'');
        }
        out.push_str(piece);
    }
    Cow::Owned(out)
}

/// Whether it begins like a formula, behind blanks and what nobody sees, and is no number.
fn is_formula(text: &str) -> bool {
    let unseen = |c: char| {
        c.is_whitespace()
            || c.is_control()
            || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
    };
    let text = text.trim_matches(unseen);
    // The wide forms are typed in East Asia, and taken for the narrow ones.
    text.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']) && !is_number(text)
}

/// A decimal number from end to end, with a sign, a fraction and an exponent or without.
fn is_number(text: &str) -> bool {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let unsigned = |text: &str| is_digits(text.strip_prefix(['+', '-']).unwrap_or(text));
    unsigned(whole) && fraction.is_none_or(is_digits) && exponent.is_none_or(unsigned)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::*;

    use super::*;

    fn texts(array: impl Array + 'static, shown: Shown) -> Vec<String> {
        let array: ArrayRef = Arc::new(array);
        let mut out = Vec::new();
        Cells::new(&array, shown)
            .unwrap()
            .each(|_, text| {
                out.push(text.to_owned());
                Ok(())
            })
            .unwrap();
        out
    }

    #[test]
    fn what_begins_like_a_formula_becomes_a_text() {
        for formula in [
            "=1+1",
            "=cmd|'/c calc'!A0",
            "+1+1",
            "-1+1",
            "@SUM(A1)",
            "  =1",
            "\u{a0}=1",
            "\u{feff}=1",
            "\u{200b}@x",
            "\0=1",
            "=",
            "-",
            "+",
            "@",
            "--1",
            "-1,5",
            "+-1",
            "-.5",
            "-1e",
            "=1",
            "＝1+1",
            "-inf",
            "+49 30 1234",
            "-2-3",
        ] {
            assert_eq!(harmless(formula), format!("'{formula}"));
        }
        assert_eq!(harmless("\tx"), "'\tx");
        assert_eq!(harmless("\r\n"), "'\r\n");
        assert_eq!(harmless("a;=1"), "a;'=1");
        assert_eq!(harmless("a;b; @x\n=2"), "a;b;' @x\n'=2");
        assert_eq!(harmless("\t=1"), "'\t'=1");
    }

    #[test]
    fn numbers_and_other_texts_stay_as_they_are() {
        for harmless_text in [
            "",
            " ",
            "a",
            "a=b",
            "1+1",
            "-5",
            "+49301234",
            "-5.25",
            "-1e-7",
            "+1.5E+10",
            "a-b",
            "mail@example.org",
            "'=1",
            "\"=1\"",
            "a;b;-3",
            "customer 7",
            "−1",
        ] {
            assert_eq!(harmless(harmless_text), harmless_text);
        }
    }

    #[test]
    fn values_of_every_type_are_shown_as_they_came() {
        assert_eq!(
            texts(Int64Array::from(vec![Some(i64::MIN), None, Some(7)]), Shown::Plainly),
            ["-9223372036854775808", "", "7"]
        );
        assert_eq!(texts(UInt64Array::from(vec![u64::MAX]), Shown::Plainly), ["18446744073709551615"]);
        assert_eq!(texts(Float64Array::from(vec![0.1, -2.0, 1e-7]), Shown::Plainly), ["0.1", "-2.0", "1e-7"]);
        assert_eq!(texts(BooleanArray::from(vec![true, false]), Shown::Plainly), ["true", "false"]);
        assert_eq!(texts(LargeStringArray::from(vec!["ä", ""]), Shown::Plainly), ["ä", ""]);
        assert_eq!(texts(BinaryArray::from(vec![&[0u8, 255, 16][..]]), Shown::Plainly), ["00ff10"]);
        assert_eq!(texts(FixedSizeBinaryArray::try_from_iter([[1u8, 171]].iter()).unwrap(), Shown::Plainly), ["01ab"]);
        let decimals = Decimal128Array::from(vec![-12345, 5]).with_precision_and_scale(10, 2).unwrap();
        assert_eq!(texts(decimals, Shown::Plainly), ["-123.45", "0.05"]);
        assert_eq!(texts(Date32Array::from(vec![0, -1]), Shown::Plainly), ["1970-01-01", "1969-12-31"]);
        assert_eq!(texts(TimestampMillisecondArray::from(vec![1]), Shown::Plainly), ["1970-01-01T00:00:00.001"]);
        let berlin = TimestampSecondArray::from(vec![0]).with_timezone("Europe/Berlin");
        assert_eq!(texts(berlin, Shown::Plainly), ["1970-01-01T00:00:00Z"]);
    }

    #[test]
    fn a_uuid_has_its_hyphens_and_annotated_text_is_text() {
        let bytes: [u8; 16] = std::array::from_fn(|i| 17 * i as u8);
        let uuids = FixedSizeBinaryArray::try_from_sparse_iter_with_size([Some(bytes), None].into_iter(), 16).unwrap();
        assert_eq!(texts(uuids, Shown::Uuid), ["00112233-4455-6677-8899-aabbccddeeff", ""]);
        assert_eq!(texts(BinaryArray::from(vec![&b"gold"[..], &[255]]), Shown::Text), ["gold", "ff"]);
    }
}
