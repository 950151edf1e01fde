//! The page: what is on it, and that nothing from outside can be anything but text there.

use segmint::persona::{Horizons, Monitor};
use segmint::profile::{
    Axis, CategoryCount, CategoryFigures, CategoryProfile, ClusterFigures, ClusterProfile, ColumnProfile, ColumnUse,
    DerivedFigures, DerivedProfile, Map, MapPoint, MixFigures, MixOutcome, MixProfile, Moments, NO_PREFERENCE, Profile,
    Quartiles,
};
use segmint::report::{ClusterSummary, Page, PerName, Summary, Tried, explanation, html, markdown};

use crate::hostile::{TEXTS, infested};
use crate::summary;

/// The example with everything that a page can show.
pub fn full() -> Summary {
    let mut summary = summary();
    let names: Vec<String> = summary.columns.iter().map(|column| column.name.clone()).collect();
    summary.profile = profile(&names, summary.value.clone());
    for cluster in &mut summary.clusters {
        let figures = |of: fn(&ClusterFigures) -> Option<f64>| {
            let columns = summary.profile.columns.iter();
            PerName(columns.map(|column| (column.name.clone(), of(&column.clusters[cluster.cluster]))).collect())
        };
        (cluster.means, cluster.lifts) = (figures(|own| own.moments.mean), figures(|own| own.lift));
    }
    summary.clusters[1].value_share = Some(0.794);
    summary.playbook.horizons =
        Some(Horizons { now: "the first month".into(), next: "months 2 and 3".into(), later: "the rest".into() });
    summary.playbook.calendar.later = vec!["Look at the segments once more".into()];
    let every = segmint::persona::Span::try_from("1 month".to_owned()).unwrap();
    let monitor = |metric: &str, needs: Option<&str>| Monitor {
        metric: metric.into(),
        topic: "Business impact".into(),
        every,
        needs: needs.map(str::to_owned),
    };
    summary.playbook.monitors =
        vec![monitor("Share of revenue", None), monitor("Return on advertising", Some("campaign spending"))];
    if !summary.personas.iter().any(|fate| fate.persona == "Big Spenders") {
        let fate = summary.personas[1].clone();
        summary.personas.push(segmint::report::PersonaFate { persona: "Big Spenders".into(), ..fate });
    }
    summary
}

fn profile(names: &[String], value: Option<String>) -> Profile {
    let moments = |mean: f64| Moments {
        count: 700,
        missing: 3,
        mean: Some(mean),
        standard_deviation: Some(mean / 2.0),
        min: Some(0.0),
        max: Some(4.0 * mean),
        quartiles: Some(Quartiles { lower: mean / 2.0, median: mean, upper: 1.5 * mean }),
    };
    let column = |(place, name): (usize, &String)| ColumnProfile {
        name: name.clone(),
        column_use: ColumnUse::Feature,
        unit: Some(if place == 0 { "days" } else { "EUR" }.into()),
        overall: moments(150.0),
        clusters: [(100.0, -0.75), (200.0, 1.25)]
            .map(|(mean, lift)| ClusterFigures { moments: moments(mean), lift: Some(lift), index: Some(mean / 1.5) })
            .to_vec(),
    };
    let countries = |share: f64| CategoryFigures {
        count: 700,
        missing: 3,
        values: vec![
            CategoryCount { value: "Österreich".into(), count: 500, share, index: 120.0 },
            CategoryCount { value: "Schweiz".into(), count: 200, share: 1.0 - share, index: 70.0 },
        ],
        other: None,
    };
    let mix = |shares: [f64; 2], outcome| MixFigures {
        outcome,
        shares: Some(shares.to_vec()),
        indices: Some(vec![Some(200.0 * shares[0]), Some(200.0 * shares[1])]),
    };
    Profile {
        clusters: vec![ClusterProfile::default(); 2],
        columns: names.iter().enumerate().map(column).collect(),
        value_column: value,
        currency: Some("EUR".into()),
        derived: vec![DerivedProfile {
            name: "orders_per_year".into(),
            formula: "sum of orders / sum of years".into(),
            unit: Some("orders".into()),
            overall: Some(2.0),
            clusters: vec![DerivedFigures { value: Some(3.0), index: Some(150.0) }; 2],
        }],
        categories: vec![CategoryProfile {
            name: "country".into(),
            distinct: Some(2),
            smallest_group: 20,
            overall: countries(0.5),
            clusters: vec![countries(0.7), countries(0.3)],
        }],
        mixes: vec![MixProfile {
            name: "basket".into(),
            columns: vec!["wine".into(), "meat".into()],
            no_preference: NO_PREFERENCE,
            overall: Some(vec![0.5, 0.5]),
            clusters: vec![mix([0.75, 0.25], MixOutcome::Preference), mix([0.52, 0.48], MixOutcome::NoClearPreference)],
        }],
    }
}

pub fn map() -> Map {
    let axis = |explained, loadings: [f64; 2]| Axis { explained, loadings: loadings.to_vec() };
    let point = |i: u32| MapPoint { x: f64::from(i % 17), y: f64::from(i % 13), cluster: (i % 2) as u16 };
    Map { axes: [axis(0.6, [0.8, 0.6]), axis(0.3, [0.6, -0.8])], points: (0..200).map(point).collect() }
}

pub fn page(summary: &Summary) -> String {
    html(&Page { summary, map: Some(&map()) })
}

/// Start and end tags with the names of their attributes, in order; none of the values and none of the text. Panics at
/// whatever a browser might read differently.
fn skeleton(html: &str) -> Vec<String> {
    let mut tags = Vec::new();
    let mut rest = html.strip_prefix("<!doctype html>").expect("a doctype");
    while let Some(at) = rest.find('<') {
        let inside = &rest[at + 1..];
        let mut quoted = false;
        let end = inside.find(|c| {
            quoted ^= c == '"';
            c == '>' && !quoted
        });
        let (tag, behind) = inside.split_at(end.expect("a tag ends"));
        let parts: Vec<&str> = tag.split('"').collect();
        let names = parts.iter().step_by(2).map(|part| part.trim().trim_end_matches('=')).collect::<Vec<_>>();
        assert!(names.iter().all(|name| name.chars().all(|c| c.is_ascii_alphanumeric() || "-/ ".contains(c))), "{tag}");
        tags.push(names.join(" ").trim_end().to_owned());
        rest = &behind[1..];
        // The content of these is not mark-up.
        if let "style" | "script" = tag {
            rest = &rest[rest.find("</").expect("it ends")..];
        }
    }
    tags
}

/// What a reader sees, without the mark-up.
pub fn read(html: &str) -> String {
    let (mut text, mut inside) = (String::new(), false);
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' => inside = false,
            c if !inside => text.push(c),
            _ => {}
        }
    }
    for (entity, c) in [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")] {
        text = text.replace(entity, c);
    }
    text
}

/// As it stands on a page: line breaks are spaces, what cannot be seen is spelt out, numbers hold together.
pub fn shown(text: &str) -> String {
    segmint::report::terminal(&text.replace(['\n', '\r', '\t'], " "))
}

#[test]
fn the_page_says_everything() {
    let page = page(&full());
    insta::assert_snapshot!("page", read(page.split_once("<body>").unwrap().1.split_once("<script>").unwrap().0));
}

#[test]
fn nothing_from_outside_is_anything_but_text() {
    let full = full();
    let expected = skeleton(&page(&full));
    assert!(expected.len() > 500, "{}", expected.len());
    let lines = markdown(&full).lines().count();
    for from in 0..TEXTS.len() {
        let infested = infested(&full, from);
        let page = page(&infested);
        assert_eq!(skeleton(&page), expected, "texts from {from}");
        assert!(page.chars().all(|c| c == '\n' || (!c.is_control() && !('\u{202a}'..='\u{202e}').contains(&c))));
        let text = read(&page).replace('\u{a0}', " ");
        for place in [&infested.columns[1].name, &infested.clusters[0].persona, &infested.playbook.title] {
            assert!(text.contains(&shown(place)), "{place:?} cannot be read");
        }
        let markdown = markdown(&infested);
        assert_eq!(markdown.lines().count(), lines, "texts from {from}");
        assert!(!markdown.contains('<'), "texts from {from}");
    }
}

#[test]
fn an_explanation_cannot_steer_the_terminal() {
    let full = full();
    let lines = explanation(&full, Tried::Ours(&[])).lines().count();
    for from in 0..TEXTS.len() {
        let text = explanation(&infested(&full, from), Tried::Ours(&[]));
        assert!(text.chars().all(|c| c == '\n' || (!c.is_control() && !('\u{202a}'..='\u{202e}').contains(&c))));
        assert_eq!(text.lines().count(), lines, "texts from {from}");
    }
}

#[test]
fn every_one_of_the_texts_stands_on_the_page_once() {
    let full = full();
    let all: String = (0..TEXTS.len()).step_by(7).map(|from| read(&page(&infested(&full, from)))).collect();
    let all = all.replace('\u{a0}', " ");
    for text in TEXTS {
        assert!(all.contains(&shown(text)), "{text:?}");
    }
}

#[test]
fn the_policy_of_the_page_lets_in_its_own_style_and_script_and_nothing_else() {
    use sha2::{Digest, Sha256};
    let page = page(&full());
    let policy = page.split_once("Content-Security-Policy\" content=\"").unwrap().1.split_once("\">").unwrap().0;
    assert!(policy.starts_with("default-src &#39;none&#39;; "), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains("http") && !policy.contains('*'), "{policy}");
    // In base 64 three bytes are four digits: enough of them to know the hash by.
    let digits = |hash: &[u8]| -> String {
        const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let digit = |at: usize| {
            let bits = (u16::from(hash[at * 6 / 8]) << 8) | u16::from(hash[at * 6 / 8 + 1]);
            char::from(DIGITS[usize::from((bits >> (10 - at * 6 % 8)) & 63)])
        };
        (0..40).map(digit).collect()
    };
    for tag in ["style", "script"] {
        let (start, end) = (format!("<{tag}>"), format!("</{tag}>"));
        assert_eq!(page.matches(&start).count(), 1);
        let content = page.split_once(&start).unwrap().1.split_once(&end).unwrap().0;
        let hash = digits(&Sha256::digest(content.as_bytes()));
        assert!(policy.contains(&format!("{tag}-src &#39;sha256-{hash}")), "{tag}: {hash} in {policy}");
    }
}

#[test]
fn a_page_of_very_many_segments_stays_a_page() {
    let mut many = full();
    let first = many.clusters[0].clone();
    many.clusters = (0..500).map(|number| ClusterSummary { cluster: number, ..first.clone() }).collect();
    many.k = many.clusters.len();
    let page = page(&many);
    assert_eq!(page.matches("<article").count(), 100);
    assert!(page.contains("The 100 largest of 500 segments are described"));
    assert!(page.contains("The 12 largest of 500 segments are drawn"));
    assert!(page.len() < 4 << 20, "{} bytes", page.len());
}

#[test]
fn a_section_without_figures_is_not_there() {
    let mut bare = full();
    let sections = |summary: &Summary, map: Option<&Map>| -> Vec<String> {
        let page = html(&Page { summary, map });
        page.split("<section id=\"").skip(1).map(|part| part.split('"').next().unwrap().to_owned()).collect()
    };
    let all = [
        "overview",
        "segments",
        "journey",
        "calendar",
        "budget",
        "watch",
        "makeup",
        "differences",
        "profiles",
        "spread",
        "rules",
        "map",
        "not-found",
        "data",
        "made",
    ];
    assert_eq!(sections(&bare, Some(&map())), all);

    // One segment that earned no name, of columns of one value.
    bare.clusters.truncate(1);
    bare.k = 1;
    bare.clusters[0].guide = None;
    bare.clusters[0].lifts.0.iter_mut().for_each(|(_, lift)| *lift = None);
    bare.playbook.calendar = Default::default();
    bare.playbook.monitors.clear();
    bare.personas.clear();
    bare.profile = Profile::default();
    bare.dropped.clear();
    bare.rules = None;
    assert_eq!(sections(&bare, None), ["overview", "segments", "data", "made"]);
    let page = html(&Page { summary: &bare, map: None });
    assert!(!page.contains("<ul></ul>") && !page.contains("<tbody></tbody>"), "an empty frame");
    assert!(!page.contains("NaN") && !page.contains("inf"));
}
