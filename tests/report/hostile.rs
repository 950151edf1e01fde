//! Texts from people who mean harm, and what it takes to put them wherever a text from outside may stand.

use std::collections::BTreeMap;

use segmint::report::Summary;
use serde_json::Value;

/// Mark-up, scripts, attributes, links, styles, entities, encodings, Markdown, terminal commands, spreadsheet formulas,
/// and marks that turn the reading direction around.
pub const TEXTS: [&str; 60] = [
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    "</style><script>alert(3)</script>",
    "</title><script>alert(4)</script>",
    "<img src=x onerror=alert(5)>",
    "\"><img src=x onerror=alert(6)>",
    "'><img src=x onerror=alert(7)>",
    "<svg onload=alert(8)>",
    "<svg><script>alert(9)</script></svg>",
    "</svg><iframe src=javascript:alert(10)>",
    "<iframe srcdoc='<script>alert(11)</script>'>",
    "<body onload=alert(12)>",
    "<a href=javascript:alert(13)>x</a>",
    "javascript:alert(14)",
    "\" onmouseover=\"alert(15)",
    "' onfocus='alert(16)' autofocus='",
    "\" style=\"background:url(http://evil.example/17)",
    "<link rel=stylesheet href=http://evil.example/18>",
    "<base href=http://evil.example/19/>",
    "<meta http-equiv=refresh content='0;url=http://evil.example/20'>",
    "<object data=http://evil.example/21></object>",
    "<embed src=http://evil.example/22>",
    "<form action=http://evil.example/23><input name=x></form>",
    "<marquee onstart=alert(24)>x</marquee>",
    "<video src=x onerror=alert(25)></video>",
    "<details open ontoggle=alert(26)>",
    "<table><tr><td>27",
    "</td></tr></table><h1>28</h1>",
    "</main></body></html>29",
    "<!-- 30 -->",
    "--><script>alert(31)</script><!--",
    "<![CDATA[<script>alert(32)</script>]]>",
    "<?php echo 33 ?>",
    "&lt;script&gt;alert(34)&lt;/script&gt;",
    "&#60;script&#62;alert(35)&#60;/script&#62;",
    "&amp;lt;36",
    "%3Cscript%3Ealert(37)%3C/script%3E",
    "\\u003cscript\\u003ealert(38)\\u003c/script\\u003e",
    "{{39}}${39}#{39}<%= 39 %>",
    "`40` ${alert(40)}",
    "a\u{0}b<script\u{0}>alert(41)</script>",
    "line\nbreak\r\n42",
    "tab\there 43",
    "\u{1b}[2J\u{1b}[31m44",
    "\u{9b}31m45",
    "\u{202e}gnp.46",
    "a\u{2066}b\u{2069}c47",
    "zero\u{200b}width\u{feff}48",
    "line\u{2028}separator\u{2029}49",
    "＜script＞alert(50)＜/script＞",
    "[51](javascript:alert(51))",
    "![52](http://evil.example/52.png)",
    "| 53 | 53 |\n|---|---|",
    "# 54\n\n- 54",
    "https://evil.example/55",
    "=HYPERLINK(\"http://evil.example/56\")",
    "@SUM(57)|cmd",
    "' OR 1=1 --58",
    "../../59/..\\..\\59",
    "<ſcript>alert(60)</ſcript><IMG SRC=x ONERROR=alert(60)>",
];

/// Every text of a summary that may come from outside, replaced: equal ones by equal ones, the n-th new one by the
/// (n + `from`)-th of [`TEXTS`]. Words of a fixed meaning, and lengths of time, do not survive a replacement, which is
/// how they are told apart.
pub fn infested(summary: &Summary, from: usize) -> Summary {
    let mut value = serde_json::to_value(summary).unwrap();
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    for pointer in text_pointers(&value, "") {
        let Some(Value::String(text)) = value.pointer(&pointer).cloned() else { continue };
        let next = TEXTS[(known.len() + from) % TEXTS.len()].to_owned();
        let replaced = known.get(&text).cloned().unwrap_or(next);
        *value.pointer_mut(&pointer).unwrap() = Value::String(replaced.clone());
        if serde_json::from_value::<Summary>(value.clone()).is_ok() {
            known.insert(text, replaced);
        } else {
            *value.pointer_mut(&pointer).unwrap() = Value::String(text);
        }
    }
    rename_keys(&mut value, &known);
    serde_json::from_value(value).unwrap()
}

/// Where a JSON value has texts.
fn text_pointers(value: &Value, at: &str) -> Vec<String> {
    match value {
        Value::String(_) => vec![at.to_owned()],
        Value::Array(items) => {
            items.iter().enumerate().flat_map(|(i, item)| text_pointers(item, &format!("{at}/{i}"))).collect()
        }
        Value::Object(items) => {
            let pointer = |key: &str| format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
            items.iter().flat_map(|(key, item)| text_pointers(item, &pointer(key))).collect()
        }
        _ => Vec::new(),
    }
}

/// Names of columns stand as keys, too.
fn rename_keys(value: &mut Value, known: &BTreeMap<String, String>) {
    for cluster in value["clusters"].as_array_mut().into_iter().flatten() {
        for figures in ["means", "lifts"] {
            let Some(Value::Object(old)) = cluster.get_mut(figures).map(Value::take) else { continue };
            let renamed = old.into_iter().map(|(key, item)| (known.get(&key).cloned().unwrap_or(key), item));
            cluster[figures] = Value::Object(renamed.collect());
        }
    }
}
