//! Writes HTML that cannot be broken by what stands in it: tags and attribute names are constants of this program, every
//! text and every attribute value is escaped on its way out, and an element that was opened is closed by construction.

use std::fmt::Write;

use crate::report::escape;

/// Attributes of an element: names are ours, values may come from anywhere.
pub(super) type Attributes<'a> = &'a [(&'static str, &'a str)];

/// Elements that have no content and no end tag.
const VOID: &[&str] = &["meta", "br", "hr"];

#[derive(Debug, Default)]
pub(super) struct Html {
    text: String,
}

impl Html {
    /// The finished page.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// Text from anywhere.
    pub(super) fn text(&mut self, text: &str) {
        // A number stays with its per cent.
        self.text.push_str(&escape::html(&text.replace(" %", "\u{a0}%")));
    }

    /// An element with what `inside` writes.
    pub(super) fn within(&mut self, tag: &'static str, attributes: Attributes, inside: impl FnOnce(&mut Html)) {
        self.start(tag, attributes);
        inside(self);
        if !VOID.contains(&tag) {
            let _ = write!(self.text, "</{tag}>");
        }
        if ends_a_line(tag) {
            self.text.push('\n');
        }
    }

    /// An element with text in it.
    pub(super) fn element(&mut self, tag: &'static str, attributes: Attributes, text: &str) {
        self.within(tag, attributes, |html| html.text(text));
    }

    /// An element with nothing in it.
    pub(super) fn empty(&mut self, tag: &'static str, attributes: Attributes) {
        self.within(tag, attributes, |_| ());
    }

    /// A chart, which readers that do not see it are told of; `size` is its height, or the view that is scaled.
    pub(super) fn picture(&mut self, label: &str, size: (&'static str, &str), draw: impl FnOnce(&mut Html)) {
        self.within("svg", &[("role", "img"), ("aria-label", label), size], draw);
    }

    /// Our own style or script, which browsers take as it is up to the end tag.
    pub(super) fn own(&mut self, tag: &'static str, content: &'static str) {
        debug_assert!(!content.contains("</"), "it would end too early");
        let _ = writeln!(self.text, "<{tag}>{content}</{tag}>");
    }

    pub(super) fn doctype(&mut self) {
        self.text.push_str("<!doctype html>\n");
    }

    fn start(&mut self, tag: &'static str, attributes: Attributes) {
        let _ = write!(self.text, "<{tag}");
        for (name, value) in attributes {
            let _ = write!(self.text, " {name}=\"{}\"", escape::html(value));
        }
        self.text.push('>');
    }
}

/// Blocks stand on lines of their own, so that two reports can be compared line by line.
fn ends_a_line(tag: &str) -> bool {
    !matches!(tag, "span" | "strong" | "em" | "a" | "bdi" | "small" | "br" | "th" | "td" | "text" | "code" | "title")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_cannot_leave_its_place() {
        let mut html = Html::default();
        html.element("p", &[("title", "\"><script>x</script>")], "</p><script>alert('&')</script>\u{202e}");
        let text = html.into_text();
        assert_eq!(
            text,
            "<p title=\"&quot;&gt;&lt;script&gt;x&lt;/script&gt;\">\
             &lt;/p&gt;&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;\\u{202e}</p>\n"
        );
    }

    #[test]
    fn what_is_opened_is_closed_in_order() {
        let mut html = Html::default();
        html.within("ul", &[], |html| {
            html.element("li", &[], "a");
            html.empty("br", &[]);
        });
        assert_eq!(html.into_text(), "<ul><li>a</li>\n<br></ul>\n");
    }
}
