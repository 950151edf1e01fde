//! The head of the page: a policy that lets nothing in but our own style and script, by their hashes.

use sha2::{Digest, Sha256};

use super::writer::Html;

/// How the page looks; nothing in it comes from data.
const STYLE: &str = include_str!("page.css");

/// Sorts tables. Everything is there without it too.
const SCRIPT: &str = include_str!("page.js");

pub(super) fn head(html: &mut Html, title: &str) {
    html.within("head", &[], |html| {
        html.empty("meta", &[("charset", "utf-8")]);
        let policy = format!(
            "default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'",
            source_hash(STYLE),
            source_hash(SCRIPT)
        );
        html.empty("meta", &[("http-equiv", "Content-Security-Policy"), ("content", &policy)]);
        html.empty("meta", &[("name", "viewport"), ("content", "width=device-width, initial-scale=1")]);
        html.empty("meta", &[("name", "referrer"), ("content", "no-referrer")]);
        html.empty("meta", &[("name", "color-scheme"), ("content", "light dark")]);
        html.element("title", &[], title);
        html.own("style", STYLE);
    });
}

/// Stands at the end of the body, so that it finds the tables.
pub(super) fn script(html: &mut Html) {
    html.own("script", SCRIPT);
}

/// What a policy calls a text: 'sha256-' and its hash in base 64.
fn source_hash(text: &str) -> String {
    format!("sha256-{}", base64(&Sha256::digest(text.as_bytes())))
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            let value = (bits >> (18 - 6 * digit)) & 63;
            out.push(if digit <= chunk.len() { char::from(DIGITS[value as usize]) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_64_is_that_of_the_standard() {
        let encoded = ["", "f", "fo", "foo", "foob", "fooba", "foobar"].map(|text| base64(text.as_bytes()));
        assert_eq!(encoded, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"]);
    }

    #[test]
    fn style_and_script_ask_for_nothing_from_elsewhere() {
        for text in [STYLE, SCRIPT] {
            for word in ["http", "url(", "@import", "fetch", "eval", "innerHTML"] {
                assert!(!text.contains(word), "{word}");
            }
        }
    }
}
