//! Text from outside, made safe for where it is shown. Column names come from somebody else's file: they may hold
//! Markdown, HTML, terminal commands, or marks that turn the reading direction around.

use std::fmt::Write;

/// For a line of Markdown: no mark-up, no HTML, no line break, nothing invisible. What cannot be mark-up where it stands
/// is left alone, so that the text stays readable as it is.
pub(super) fn markdown(text: &str) -> String {
    // A line break in a story is a space; it must not begin a line here.
    let text = terminal(&text.replace(['\n', '\r', '\t'], " "));
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    for (index, &c) in chars.iter().enumerate() {
        let before = chars.get(..index).unwrap_or_default();
        let in_word = |c: Option<&char>| c.is_some_and(|c| c.is_alphanumeric());
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // An underscore inside a word is a letter.
            '_' if in_word(before.last()) && in_word(chars.get(index + 1)) => out.push(c),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '$' => out.extend(['\\', c]),
            // Lists and underlined titles begin a line; addresses become links by themselves.
            '-' | '+' | '=' if before.is_empty() => out.extend(['\\', c]),
            '.' | ')' if !before.is_empty() && before.iter().all(char::is_ascii_digit) => out.extend(['\\', c]),
            '.' if before.iter().rev().take(3).all(|c| matches!(c, 'w' | 'W')) && before.len() > 2 => {
                out.push_str("&#46;");
            }
            ':' if chars.get(index + 1..).is_some_and(|rest| rest.starts_with(&['/', '/'])) => out.push_str("&#58;"),
            '@' => out.push_str("&#64;"),
            _ => out.push(c),
        }
    }
    out
}

/// For HTML, as text or as the value of a quoted attribute: no mark-up, nothing invisible. A line break is a space there
/// anyway.
pub(super) fn html(text: &str) -> String {
    let text = terminal(&text.replace(['\n', '\r', '\t'], " "));
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

/// For a terminal, and any other line of text: whatever is invisible or steers the display is spelt out.
pub fn terminal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if steers(c) {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// For JSON on a terminal: JSON itself spells out only the first 32 control characters. They stand in strings only, so
/// they can be replaced in the finished text.
pub fn json_text(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if steers(c) && !matches!(c, '\n') {
            let mut units = [0u16; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// Control characters, line separators, marks of direction, and characters without width.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_bring_mark_up_html_or_links_into_a_report() {
        assert_eq!(markdown("a|b<script>*x*_y `z`"), "a\\|b&lt;script&gt;\\*x\\*\\_y \\`z\\`");
        assert_eq!(markdown("[a](javascript:x)"), "\\[a\\](javascript:x)");
        assert_eq!(markdown("total_spent_"), "total_spent\\_");
        assert_eq!(markdown("http://a.b"), "http&#58;//a.b");
        assert_eq!(markdown("www.a.b a@b.c"), "www&#46;a.b a&#64;b.c");
        assert_eq!(markdown("12. x"), "12\\. x");
        assert_eq!(markdown("- x"), "\\- x");
        assert_eq!(markdown("=== a=b"), "\\=== a=b");
        assert_eq!(markdown("a\n\n# b"), "a  \\# b");
        assert_eq!(markdown("Größe 0.5"), "Größe 0.5");
    }

    #[test]
    fn names_cannot_steer_a_terminal() {
        assert_eq!(terminal("a\u{1b}[2Jb\u{9b}31m\u{202e}c\u{200b}"), "a\\u{1b}[2Jb\\u{9b}31m\\u{202e}c\\u{200b}");
        assert_eq!(terminal("年収"), "年収");
    }

    #[test]
    fn json_stays_the_same_json_when_it_is_made_safe() {
        let names = vec!["a\u{1b}b", "c\u{9b}\u{202e}d", "\u{7f}\u{e0001}é"];
        let text = serde_json::to_string_pretty(&names).unwrap();
        let safe = json_text(&text);
        assert!(safe.chars().all(|c| c == '\n' || !steers(c)), "{safe}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&safe).unwrap(), names);
    }
}
