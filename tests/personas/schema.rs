//! The JSON Schema of playbooks agrees with the reader: our playbooks pass, and what the reader does not know the
//! schema refuses too. The validator below knows the words of JSON Schema that ours uses, and no more.

use segmint::job::PLAYBOOKS;
use segmint::persona::{Playbook, schema};
use serde_json::Value;

/// What is wrong with a value, by a schema; the words it does not know end the test.
fn faults(root: &Value, schema: &Value, value: &Value, path: &str) -> Vec<String> {
    let mut found = Vec::new();
    let Value::Object(words) = schema else { return found };
    for (word, rule) in words {
        match (word.as_str(), value) {
            ("$schema" | "$defs" | "title" | "description" | "default" | "format", _) => {}
            ("$ref", _) => {
                let name = rule.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                found.extend(faults(root, &root["$defs"][name], value, path));
            }
            ("anyOf" | "oneOf", _) => {
                let any = rule.as_array().unwrap().iter().any(|one| faults(root, one, value, path).is_empty());
                found.extend((!any).then(|| format!("{path}: none of the forms allowed")));
            }
            ("enum", _) => {
                found.extend((!rule.as_array().unwrap().contains(value)).then(|| format!("{path}: no such word")));
            }
            ("const", _) => found.extend((rule != value).then(|| format!("{path}: no such word"))),
            ("type", _) => {
                let kind = match value {
                    Value::Null => "null",
                    Value::Bool(_) => "boolean",
                    Value::Number(_) => "number",
                    Value::String(_) => "string",
                    Value::Array(_) => "array",
                    Value::Object(_) => "object",
                };
                let fits = rule == kind || rule.as_array().is_some_and(|kinds| kinds.iter().any(|one| one == kind));
                found.extend((!fits).then(|| format!("{path}: a {kind}")));
            }
            ("pattern", Value::String(text)) => {
                let unit = text.split_once(' ').map_or("", |(_, unit)| unit).trim_end_matches('s');
                let fits = ["hour", "day", "week", "month", "year"].contains(&unit);
                found.extend((!fits).then(|| format!("{path}: {text:?} is no length of time")));
            }
            ("items", Value::Array(items)) => {
                found.extend(items.iter().flat_map(|item| faults(root, rule, item, &format!("{path}[]"))));
            }
            ("properties", Value::Object(fields)) => {
                for (name, rule) in rule.as_object().unwrap() {
                    if let Some(field) = fields.get(name) {
                        found.extend(faults(root, rule, field, &format!("{path}.{name}")));
                    }
                }
            }
            ("additionalProperties", Value::Object(fields)) => {
                let known = words.get("properties").and_then(Value::as_object);
                for (name, field) in fields.iter().filter(|(name, _)| known.is_none_or(|k| !k.contains_key(*name))) {
                    match rule {
                        Value::Bool(false) => found.push(format!("{path}.{name}: unknown")),
                        rule => found.extend(faults(root, rule, field, &format!("{path}.{name}"))),
                    }
                }
            }
            ("required", Value::Object(fields)) => {
                let needed = rule.as_array().unwrap().iter().filter_map(Value::as_str);
                found
                    .extend(needed.filter(|name| !fields.contains_key(*name)).map(|name| format!("{path}: no {name}")));
            }
            ("pattern" | "items" | "properties" | "additionalProperties" | "required", _) => {}
            (unknown, _) => panic!("{path}: the schema says {unknown}, which this test does not know"),
        }
    }
    found
}

fn check(text: &str) -> Vec<String> {
    let root: Value = serde_json::from_str(&schema().unwrap()).unwrap();
    let value: Value = toml::from_str(text).unwrap();
    faults(&root, &root, &value, "")
}

#[test]
fn our_playbooks_pass_the_schema() {
    for name in PLAYBOOKS {
        assert_eq!(check(&Playbook::load(name).unwrap().text), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn what_the_reader_does_not_know_the_schema_refuses_too() {
    let text = Playbook::load("rfm").unwrap().text;
    let slips = [
        ("\nobjective =", "\nobjektive ="),
        ("\nstory =", "\nhistory ="),
        ("\npriority = \"medium\"", "\npriority = \"middling\""),
        ("recency = \"low\", frequency", "recency = \"lowish\", frequency"),
        ("{ at_most = 2.0 }", "{ most = 2.0 }"),
        ("monetary = { quantile_at_least = 0.75 }", "monetary = { quantile_at_least = 0.9 }"),
        ("\n[[persona.kpi]]", "\n[[persona.kpis]]"),
        ("\nwithin = \"2 weeks\"", "\nwithin = \"2 fortnights\""),
        ("\nwanted = true", "\nwanted = \"yes\""),
        ("\nmeaning =", "\nsense ="),
        ("\nevery =", "\nsometimes ="),
        ("baseline = { mean = \"monetary\"", "baseline = { median = \"monetary\""),
        ("\ntarget = 25", "\ntarget = \"25 %\""),
    ];
    for (right, wrong) in slips {
        let slipped = text.replacen(right, wrong, 1);
        assert_ne!(slipped, text, "{right}");
        assert!(Playbook::parse("slip.toml", &slipped).is_err(), "the reader takes {wrong}");
        assert!(!check(&slipped).is_empty(), "the schema takes {wrong}");
    }
}
