//! Every kind of claim of a summary, changed by itself: each is found, and said by its name.

use serde_json::{Value, json};

use super::table::{N_ROWS, by_mine, by_ours};
use super::{summary_of, verify, vouch, write_summary};

pub const ROLES: &str = r#"
name = "mine"
title = "t"
description = "d"
[roles.monetary]
meaning = "money"
columns = ["monetary"]
[roles.frequency]
meaning = "orders"
columns = ["frequency"]
[roles.recency]
meaning = "days"
columns = ["recency"]
[roles.tenure]
meaning = "days"
[roles.order_value]
meaning = "money per order"
"#;

pub fn persona(name: &str, conditions: &str) -> String {
    let rest =
        "story = \"s\"\npriority = \"high\"\nbusiness_value = { rating = \"high\", reason = \"r\" }\nobjective = \"o\"";
    format!("[[persona]]\nname = \"{name}\"\n{rest}\n{conditions}\n")
}

/// A playbook with one persona of these conditions.
fn playbook(name: &str, conditions: &str) -> String {
    format!("{ROLES}{}", persona(name, conditions))
}

/// A change to one claim: where it stands, what it becomes, and words that `verify` says of it.
type Change = (&'static str, fn(&Value) -> Value, &'static str);

pub fn more(value: &Value) -> Value {
    json!(value.as_f64().unwrap() * 1.001)
}

fn one_more(value: &Value) -> Value {
    json!(value.as_u64().unwrap() + 1)
}

const CHANGES: &[Change] = &[
    ("/dropped/0/rows", one_more, "rows dropped because of no value in column \"recency\""),
    (
        "/dropped/1/rows",
        |value| json!(value.as_u64().unwrap() - 1),
        "rows dropped because of no value in column \"monetary\"",
    ),
    ("/feature_settings/3/imputed", one_more, "values replaced in age"),
    ("/clusters/1/weighted_share", more, "cluster 1, weighted_share"),
    ("/profile/clusters/0/weighted_share", more, "profile, cluster 0, weighted_share"),
    ("/columns/2/mean", more, "columns, monetary, mean"),
    ("/profile/columns/0/overall/quartiles/median", more, "all customers, recency, median"),
    ("/profile/columns/2/clusters/1/quartiles/upper", more, "cluster 1, monetary, upper quartile"),
    ("/profile/columns/2/clusters/1/standard_deviation", more, "cluster 1, monetary, standard deviation"),
    ("/profile/columns/5/overall/missing", one_more, "all customers, wine, missing"),
    ("/profile/categories/0/distinct", one_more, "country, different values"),
    ("/profile/categories/0/overall/values/0/count", one_more, "all customers, country, customers of value 0"),
    ("/profile/categories/0/overall/values/0/value", |_| json!("XX"), "all customers, country, value 0"),
    ("/profile/categories/0/clusters/0/values/0/share", more, "cluster 0, country, share of value 0"),
    ("/profile/categories/0/clusters/1/values/0/index", more, "cluster 1, country, index of value 0"),
    ("/profile/categories/0/clusters/0/missing", one_more, "cluster 0, country, customers without one"),
    ("/profile/categories/0/overall/other/count", one_more, "all customers, country, customers of other values"),
    ("/profile/categories/1/clusters/1/values/1/count", one_more, "cluster 1, member, customers of value 1"),
    ("/profile/mixes/0/overall/0", more, "all customers, mix basket, share of part 0"),
    ("/profile/mixes/0/clusters/1/shares/2", more, "cluster 1, mix basket, share of part 2"),
    ("/profile/mixes/0/clusters/0/indices/1", more, "cluster 0, mix basket, index of part 1"),
    ("/profile/mixes/0/clusters/1/outcome", |_| json!("no-clear-preference"), "cluster 1, mix basket, outcome"),
    ("/profile/derived/0/overall", more, "all customers, average_order_value"),
    ("/profile/derived/0/clusters/1/value", more, "cluster 1, average_order_value"),
    ("/profile/derived/1/clusters/0/value", more, "cluster 0, orders_per_year"),
    ("/profile/derived/1/clusters/0/index", more, "cluster 0, index of orders_per_year"),
    ("/clusters/1/score", |_| json!(0.123), "cluster 1, score"),
    ("/clusters/1/confidence", |_| json!(0.123), "cluster 1, confidence"),
    ("/clusters/1/conditions/0/weight", |_| json!(50.0), "cluster 1, score"),
    ("/clusters/1/conditions/2/mean", more, "order_value"),
    ("/clusters/1/conditions/0/margin", more, "margin"),
    ("/clusters/1/distinctions/0/standing/value", more, "cluster 1, distinction in"),
    ("/seed", one_more, "seed is given as"),
    ("/n_init", one_more, "n_init is given as"),
    ("/k_asked", one_more, "k_asked is given as"),
    ("/feature_settings/3/weight", |_| json!(1.0), "feature age, settings"),
    ("/feature_settings/2/transform", |_| json!("sqrt"), "feature monetary, settings"),
    ("/columns/1/kind", |_| json!("date"), "columns, frequency, kind"),
    ("/value", |_| json!("frequency"), "value is given as"),
    ("/clusters/1/distinctions/0/word", |_| json!("average"), "which is another word"),
];

#[test]
fn every_claim_of_a_summary_is_compared() {
    let conditions = "required = { monetary = \"high\", frequency = \"high\" }\n\
                      typical = { recency = \"very low\", order_value = \"high\" }\nforbidden = { recency = \"high\" }";
    let (_place, folder) = by_mine(&playbook("Rich", conditions));
    let (code, text) = verify(&folder);
    assert_eq!(code, 0, "{text}");
    let right = summary_of(&folder);
    assert_eq!(right["rows"], 2600, "rows without recency or monetary are dropped");
    assert_eq!(right["dropped"].as_array().unwrap().len(), 2, "for two reasons");
    let dropped: u64 =
        right["dropped"].as_array().unwrap().iter().map(|dropped| dropped["rows"].as_u64().unwrap()).sum();
    assert_eq!(right["rows"].as_u64().unwrap() + dropped, N_ROWS as u64);
    for (pointer, change, said) in CHANGES {
        let mut wrong = right.clone();
        let claim = wrong.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer} is not there"));
        let changed = change(claim);
        assert_ne!(*claim, changed, "{pointer}");
        *claim = changed;
        write_summary(&folder, &wrong);
        vouch(&folder, "summary.json");
        let (code, text) = verify(&folder);
        assert!(code == 10 && text.contains(said), "{pointer}: {code}: {text}");
    }
    write_summary(&folder, &right);
    vouch(&folder, "summary.json");
    assert_eq!(verify(&folder).0, 0, "as it was");
}

#[test]
fn conditions_that_were_weakened_afterwards_are_found() {
    let (_place, folder) = by_ours("rfm");
    let mut summary = summary_of(&folder);
    let conditions = summary.pointer_mut("/clusters/1/conditions").unwrap().as_array_mut().unwrap();
    conditions.pop();
    write_summary(&folder, &summary);
    vouch(&folder, "summary.json");
    let (code, text) = verify(&folder);
    assert!(code == 10 && text.contains("others in playbook \"rfm\""), "{code}: {text}");
}

#[test]
fn conditions_on_quantiles_are_judged_again() {
    let conditions = "required = { monetary = { quantile_at_least = 0.75 } }\n\
                      forbidden = { tenure = { quantile_at_most = 0.25 } }";
    let (_place, folder) = by_mine(&playbook("Top Quarter", conditions));
    let (code, text) = verify(&folder);
    assert_eq!(code, 0, "{text}");
    let right = summary_of(&folder);
    assert_eq!(right["clusters"][1]["persona"], "Top Quarter");
    let sentence = right["clusters"][1]["evidence"][0].as_str().unwrap();
    assert!(
        sentence.starts_with("the median of monetary is among the highest quarter of all customers: "),
        "{sentence}"
    );
    for (pointer, said) in [
        ("/clusters/1/conditions/0/median", "median"),
        ("/clusters/1/conditions/0/limits/at_least", "least median"),
        ("/clusters/1/conditions/1/margin", "margin"),
    ] {
        let mut wrong = right.clone();
        let claim = wrong.pointer_mut(pointer).unwrap();
        *claim = more(claim);
        write_summary(&folder, &wrong);
        vouch(&folder, "summary.json");
        let (code, text) = verify(&folder);
        assert!(code == 10 && text.contains(said), "{pointer}: {code}: {text}");
    }
}
