//! Numbers for people: as many digits as carry meaning, thousands apart. Rust's own formatting of f64 is exact, so the
//! text is the same on every machine.

/// A whole number with its thousands apart: 1,234,567.
pub(super) fn count(n: u64) -> String {
    grouped(&n.to_string())
}

/// Shares that add up to 1 may miss it by a few last digits.
const ROUNDING: f64 = 1e-9;

/// A share of a whole: 20.6 %. What is not nothing and not all does not read as if it were.
pub(super) fn share(part: f64) -> String {
    match part {
        p if p > 0.0 && p < 0.000_5 => "< 0.1 %".to_owned(),
        p if (0.999_5..1.0 - ROUNDING).contains(&p) => "> 99.9 %".to_owned(),
        p => format!("{:.1} %", p * 100.0),
    }
}

/// A figure in the user's units: about four digits, and none behind the point of large ones.
pub(super) fn figure(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if !value.is_finite() => "–".to_owned(),
        0.0 => "0".to_owned(),
        s if !(1e-4..1e15).contains(&s) => format!("{value:.3e}"),
        s if s >= 1000.0 => grouped(&format!("{value:.0}")),
        s if s >= 100.0 => format!("{value:.1}"),
        s if s >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

/// A number to its last digit, for what must be the same wherever it stands: 1,234.5.
pub(super) fn exact(value: f64) -> String {
    let value = value + 0.0;
    if value != 0.0 && !(1e-6..1e15).contains(&value.abs()) {
        return format!("{value:e}");
    }
    let text = format!("{value}");
    match text.split_once('.') {
        Some((whole, part)) => format!("{}.{part}", grouped(whole)),
        None => grouped(&text),
    }
}

/// How far from the average, in standard deviations: +1.2. A minus is as wide as a plus.
pub(super) fn lift(value: f64) -> String {
    let text = format!("{value:+.2}");
    if text == "-0.00" { "+0.00".to_owned() } else { text.replace('-', "−") }
}

/// A figure that stands alone, as at the end of an axis: no digits that say nothing.
pub(super) fn brief(value: f64) -> String {
    let text = figure(value);
    match text.contains('.') && !text.contains('e') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// A figure that may be missing.
pub(super) fn or_dash(value: Option<f64>, show: impl Fn(f64) -> String) -> String {
    value.filter(|v| v.is_finite()).map_or_else(|| "–".to_owned(), show)
}

/// Puts commas between the thousands of a whole number.
fn grouped(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let mut out = sign.to_owned();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_numbers_lose_no_digit() {
        let shown = [0.0, -0.0, 40.0, -1234.5, 1_234_567.0, 0.000_123_4, 1e15, 5e-324, 1.0 / 3.0].map(exact);
        let expected = ["0", "0", "40", "-1,234.5", "1,234,567", "0.0001234", "1e15", "5e-324", "0.3333333333333333"];
        assert_eq!(shown, expected);
    }

    #[test]
    fn figures_carry_the_digits_that_mean_something() {
        let shown = [0.0, -0.0, 1.0, 12.5, 0.12349, 999.96, 1234.5, -1_234_567.0, 1e-5, -1e20, f64::NAN].map(figure);
        let expected =
            ["0", "0", "1.00", "12.50", "0.1235", "1000.0", "1,234", "-1,234,567", "1.000e-5", "-1.000e20", "–"];
        assert_eq!(shown, expected);
        assert_eq!((count(999), count(1000), count(1_234_567)), ("999".into(), "1,000".into(), "1,234,567".into()));
        assert_eq!(
            [0.0, 1e-9, 0.000_5, 0.999_4, 0.999_9, 1.0].map(share).join(", "),
            "0.0 %, < 0.1 %, 0.1 %, 99.9 %, > 99.9 %, 100.0 %"
        );
        assert_eq!((share(0.2064), lift(-0.001), lift(1.25)), ("20.6 %".into(), "+0.00".into(), "+1.25".into()));
        assert_eq!(lift(-0.5), "−0.50");
        assert_eq!(
            [0.0, 545.0, 1.0, 26.3, 0.85, 1234.0, 1e-5].map(brief).join(" "),
            "0 545 1 26.3 0.85 1,234 1.000e-5"
        );
    }
}
