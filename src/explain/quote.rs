//! Names, texts and numbers as SQL has them. Column names and personas come from outside: they stand in quotes that they
//! cannot leave, and a query that is printed can steer no terminal.

use std::fmt::Write;

use crate::error::{Error, Place, Result};
use crate::report::terminal;

/// A column's name. SQL has no other way to write what cannot be seen, so that a name with such a character is refused.
pub(super) fn identifier(name: &str) -> Result<String> {
    if terminal(name) != name {
        let place = Place { column: Some(terminal(name)), ..Place::default() };
        return Err(Error::bad_data(
            "the name of the column holds a character that cannot be shown, nor written into SQL",
        )
        .at(place)
        .hint("rename the column"));
    }
    Ok(format!("\"{}\"", name.replace('"', "\"\"")))
}

/// A text. What cannot be seen is written by its number.
pub(super) fn text(text: &str) -> String {
    let mut out = String::from("'");
    for c in text.chars() {
        match c {
            '\'' => out.push_str("''"),
            c if terminal(c.encode_utf8(&mut [0; 4])).len() != c.len_utf8() => {
                let _ = write!(out, "' || chr({}) || '", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}

/// A number to its last bit. The exponent makes it a DOUBLE; without one it would be a DECIMAL.
pub(super) fn number(value: f64) -> String {
    format!("{:e}", value + 0.0)
}

/// A number as people write it, where its digits are few enough to mean the same as a DECIMAL.
pub(super) fn plain_number(value: f64) -> String {
    let plain = format!("{}", value + 0.0);
    let digits = plain.chars().filter(char::is_ascii_digit).count();
    if digits <= DIGITS_MAX { plain } else { number(value) }
}

/// Digits of a decimal number that is one division of two whole numbers below 2^53.
const DIGITS_MAX: usize = 15;

/// For a comment: one line of what can be seen.
pub(super) fn comment(text: &str) -> String {
    terminal(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts_cannot_leave_their_quotes() {
        assert_eq!(identifier("a\"; DROP TABLE x; --").unwrap(), "\"a\"\"; DROP TABLE x; --\"");
        assert_eq!(text("it's '--"), "'it''s ''--'");
        assert_eq!(text("a\u{1b}[2Jb"), "'a' || chr(27) || '[2Jb'");
        assert_eq!(text("Größe"), "'Größe'");
        let error = identifier("a\u{202e}b\n").unwrap_err();
        assert!(!error.to_string().contains(['\u{202e}', '\n']), "{error}");
        assert_eq!(comment("a\n; DROP"), "a\\u{a}; DROP");
    }

    #[test]
    fn numbers_keep_their_bits() {
        for value in [0.1, -0.0, 1.0 / 3.0, 1e100, 5e-324, -1234.5, f64::MAX] {
            assert_eq!(number(value).parse::<f64>().unwrap(), value);
            assert!(number(value).contains('e'));
            assert_eq!(plain_number(value).parse::<f64>().unwrap(), value);
        }
        assert_eq!(
            [40.0, 0.25, -3.0, 1e15, 1.0 / 3.0].map(plain_number).join(" "),
            "40 0.25 -3 1e15 3.333333333333333e-1"
        );
    }
}
