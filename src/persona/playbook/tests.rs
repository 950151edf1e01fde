//! Playbooks that can be read, and what is said about those that cannot.

use super::*;
use crate::persona::words::Word;

const SMALL: &str = r#"
name = "small"
title = "t"
description = "d"
[roles.spend]
meaning = "money"
columns = ["spend"]
[[persona]]
name = "Rich"
story = "s"
priority = "low to medium"
business_value = { rating = "high", reason = "r" }
required = { spend = "high" }
typical = { spend = { is = "very high", weight = 2.5 } }
objective = "o"
"#;

fn error(from: &str, to: &str) -> Error {
    assert!(SMALL.contains(from));
    Playbook::parse("small.toml", &SMALL.replace(from, to)).unwrap_err()
}

fn place_of(error: &Error) -> Option<(usize, usize)> {
    error.place().line
}

#[test]
fn our_playbooks_are_those_a_job_may_name_and_can_be_read() {
    assert_eq!(OURS.iter().map(|(name, _)| *name).collect::<Vec<_>>(), crate::job::PLAYBOOKS);
    for (name, _) in OURS {
        let playbook = Playbook::load(name).unwrap();
        assert_eq!(playbook.name, *name);
        for persona in &playbook.personas {
            assert!(!persona.tactics.is_empty() && !persona.kpis.is_empty(), "{}", persona.name);
        }
    }
}

#[test]
fn conditions_keep_their_words_and_weights() {
    let playbook = Playbook::parse("small.toml", SMALL).unwrap();
    let conditions = &playbook.personas[0].conditions;
    let seen: Vec<(Asked, Importance, f64)> = conditions.iter().map(|c| (c.asked, c.importance, c.weight)).collect();
    let (high, very_high) = (Asked::Word(Word::High), Asked::Word(Word::VeryHigh));
    assert_eq!(seen, [(high, Importance::Required, 2.0), (very_high, Importance::Typical, 2.5)]);
    assert_eq!(playbook.roles[0].higher, "higher spend");
}

#[test]
fn an_unknown_key_is_shown_with_its_place_and_the_nearest_right_one() {
    let error = error("objective = ", "objektive = ");
    assert_eq!(error.kind(), Kind::JobFile);
    assert_eq!(place_of(&error), Some((15, 1)));
    assert_eq!(error.hint_text(), Some("did you mean `objective`?"));
}

#[test]
fn an_unknown_word_is_shown_with_its_place_and_the_nearest_right_one() {
    let wrong = error("{ spend = \"high\" }", "{ spend = \"hihg\" }");
    assert_eq!(place_of(&wrong), Some((13, 22)));
    assert_eq!(wrong.hint_text(), Some("did you mean `high`?"));
    let wrong = error("is = \"very high\"", "is = \"very hi\"");
    assert_eq!(place_of(&wrong).map(|(line, _)| line), Some(14));
    assert_eq!(wrong.hint_text(), Some("did you mean `very high`?"));
}

#[test]
fn a_role_that_is_not_declared_is_shown_with_its_place() {
    let wrong = error("required = { spend", "required = { spent");
    assert_eq!(place_of(&wrong), Some((13, 14)));
    assert_eq!(wrong.hint_text(), Some("did you mean `spend`?"));
}

#[test]
fn a_persona_that_anyone_or_no_one_could_earn_is_refused() {
    assert!(error("{ spend = \"high\" }", "{}").to_string().contains("requires nothing"));
    let never = error("objective", "forbidden = { spend = \"high\" }\nobjective");
    assert!(never.to_string().contains("cannot be forbidden"), "{never}");
    assert_eq!(place_of(&never).map(|(line, _)| line), Some(15));
}

#[test]
fn weights_are_positive_and_only_for_what_can_hold() {
    for weight in ["0.0", "-1.0", "nan", "inf", "1e9"] {
        assert!(error("2.5", weight).to_string().contains("weight"), "{weight}");
    }
    let wrong = error("typical", "forbidden");
    assert!(wrong.to_string().contains("forbidden"), "{wrong}");
}

#[test]
fn a_condition_is_a_word_or_bounds_that_make_sense() {
    let of = |asked: &str| Playbook::parse("p.toml", &SMALL.replace("{ spend = \"high\" }", asked));
    let bounds = Bounds { at_least: Some(1.0), at_most: None };
    let fine = of("{ spend = { at_least = 1.0 } }").unwrap();
    assert_eq!(fine.personas[0].conditions[0].asked, Asked::Bounds(bounds));
    for wrong in [
        "{ weight = 1.0 }",
        "{ is = \"high\", at_most = 1.0 }",
        "{ at_least = 2.0, at_most = 1.0 }",
        "{ at_most = nan }",
    ] {
        let error = of(&format!("{{ spend = {wrong} }}")).unwrap_err();
        assert_eq!(place_of(&error).map(|(line, _)| line), Some(13), "{wrong}: {error}");
    }
}

#[test]
fn two_personas_of_one_name_are_refused() {
    let persona = SMALL.find("[[persona]]").map(|at| &SMALL[at..]).unwrap();
    let wrong = Playbook::parse("small.toml", &format!("{SMALL}{persona}")).unwrap_err();
    assert_eq!(place_of(&wrong), Some((17, 8)));
}

#[test]
fn a_playbook_that_is_not_there_says_what_is() {
    let unknown = Playbook::load("rfn").unwrap_err();
    assert!(unknown.hint_text().is_some_and(|hint| hint.contains("rfm")));
    assert_eq!(Playbook::load("no/such.toml").unwrap_err().kind(), Kind::InputMissing);
}
