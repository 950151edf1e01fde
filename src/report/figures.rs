//! Numbers for people: as many digits as carry meaning, thousands apart. Rust's own formatting of f64 is exact, so the
//! text is the same on every machine.

/// A whole number with its thousands apart: 1,234,567.
pub(super) fn count(n: u64) -> String {
    grouped(&n.to_string())
}

/// A share of a whole: 20.6 %.
pub(super) fn share(part: f64) -> String {
    format!("{:.1} %", part * 100.0)
}

/// A figure in the user's units: about four digits, and none behind the point of large ones.
pub(super) fn figure(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return "–".to_owned();
    }
    if size >= 1e15 || (size > 0.0 && size < 1e-4) {
        return format!("{value:.3e}");
    }
    let digits = match size {
        s if s >= 1000.0 => 0,
        s if s >= 100.0 => 1,
        s if s >= 1.0 => 2,
        _ => 4,
    };
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    let (sign, text) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    if text == "0" { "0".to_owned() } else { format!("{sign}{}", grouped(text)) }
}

/// How far from the average, in standard deviations: +1.2.
pub(super) fn lift(value: f64) -> String {
    let text = format!("{value:+.2}");
    if text == "-0.00" { "+0.00".to_owned() } else { text }
}

/// A figure that may be missing.
pub(super) fn or_dash(value: Option<f64>, show: impl Fn(f64) -> String) -> String {
    value.filter(|v| v.is_finite()).map_or_else(|| "–".to_owned(), show)
}

fn grouped(text: &str) -> String {
    let (whole, rest) = text.split_once('.').map_or((text, None), |(whole, rest)| (whole, Some(rest)));
    let mut out = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(rest) = rest {
        out.push('.');
        out.push_str(rest);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_carry_the_digits_that_mean_something() {
        let shown: Vec<String> =
            [0.0, -0.0, 1.0, 12.5, 0.12345, 999.96, 1234.5, -1234567.0, 0.00001, 1e20, f64::NAN, -0.00004, 100.0]
                .map(figure)
                .to_vec();
        let expected = ["0", "0", "1", "12.5", "0.1235", "1,000", "1,234", "-1,234,567", "1.000e-5", "1.000e20", "–"];
        assert_eq!(shown[..11], expected);
        assert_eq!(shown[11..], ["-4.000e-5", "100"]);
        assert_eq!((count(999), count(1000), count(1_234_567)), ("999".into(), "1,000".into(), "1,234,567".into()));
        assert_eq!((share(0.2064), lift(-0.001), lift(1.25)), ("20.6 %".into(), "+0.00".into(), "+1.25".into()));
    }
}
