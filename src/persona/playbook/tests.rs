//! Playbooks that can be read, and what is said about those that cannot.

use std::sync::LazyLock;

use super::*;
use crate::persona::asked::{Bounds, LiftBounds, QuantileBounds};
use crate::persona::samples::{book, persona};
use crate::persona::words::Word;

static SMALL: LazyLock<String> = LazyLock::new(|| {
    let conditions = "required = { spend = \"high\" }\ntypical = { spend = { is = \"very high\", weight = 2.5 } }";
    book(&["spend"], &[persona("Rich", conditions, "")])
});

fn error(from: &str, to: &str) -> Error {
    assert!(SMALL.contains(from));
    Playbook::parse("small.toml", &SMALL.replace(from, to)).unwrap_err()
}

fn place_of(error: &Error) -> Option<(usize, usize)> {
    error.place().line
}

#[test]
fn our_playbooks_are_those_a_job_may_name_and_can_be_read() {
    assert_eq!(OURS.map(|(name, _)| name), PLAYBOOKS);
    for (name, _) in OURS {
        let playbook = Playbook::load(name).unwrap();
        assert_eq!(playbook.name, name);
        for persona in &playbook.personas {
            let has_all = !persona.tactics.is_empty() && !persona.kpis.is_empty() && !persona.moves.is_empty();
            assert!(has_all && persona.kpis.iter().any(|kpi| kpi.baseline.is_some()), "{name}, {}", persona.name);
            let tested = persona.insights.iter().filter(|insight| matches!(insight.grounds, Grounds::If(_)));
            assert!(tested.count() > 0, "{name}, {}", persona.name);
        }
    }
}

#[test]
fn a_role_means_the_same_columns_in_all_our_playbooks() {
    let roles: Vec<Role> = Playbook::ours().unwrap().into_iter().flat_map(|playbook| playbook.roles).collect();
    for role in &roles {
        assert!(roles.iter().filter(|other| other.name == role.name).all(|other| other == role), "{}", role.name);
    }
}

#[test]
fn conditions_keep_their_words_and_weights() {
    let playbook = Playbook::parse("small.toml", &SMALL).unwrap();
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
fn a_condition_may_stand_on_the_scale_of_the_words() {
    let of = |asked: &str| Playbook::parse("p.toml", &SMALL.replace("{ spend = \"high\" }", asked));
    let lift = LiftBounds { lift_at_least: Some(-0.5), lift_at_most: Some(0.75) };
    let fine = of("{ spend = { lift_at_least = -0.5, lift_at_most = 0.75 } }").unwrap();
    assert_eq!(fine.personas[0].conditions[0].asked, Asked::Lift(lift));
    for wrong in ["{ is = \"high\", lift_at_least = 1.0 }", "{ lift_at_least = 1.0, at_most = 1.0 }"] {
        let error = of(&format!("{{ spend = {wrong} }}")).unwrap_err();
        assert_eq!(place_of(&error).map(|(line, _)| line), Some(13), "{wrong}: {error}");
    }
}

#[test]
fn a_condition_may_ask_for_the_quantiles_that_there_are() {
    let of = |asked: &str| Playbook::parse("p.toml", &SMALL.replace("{ spend = \"high\" }", asked));
    let quantiles = QuantileBounds { quantile_at_least: Some(0.5), quantile_at_most: Some(0.75) };
    let fine = of("{ spend = { quantile_at_least = 0.5, quantile_at_most = 0.75, weight = 3.0 } }").unwrap();
    assert_eq!(fine.personas[0].conditions[0].asked, Asked::Quantile(quantiles));
    let odd = of("{ spend = { quantile_at_least = 0.9 } }").unwrap_err();
    assert_eq!(place_of(&odd), Some((13, 22)));
    assert!(odd.to_string().contains("no quantile 0.9 in a profile: it has 0.25, 0.5 and 0.75"), "{odd}");
    for wrong in [
        "{ quantile_at_least = 0.0 }",
        "{ quantile_at_most = 1.0 }",
        "{ quantile_at_most = nan }",
        "{ quantile_at_least = 0.75, quantile_at_most = 0.5 }",
        "{ quantile_at_least = 0.5, at_least = 1.0 }",
        "{ is = \"high\", quantile_at_least = 0.5 }",
    ] {
        let error = of(&format!("{{ spend = {wrong} }}")).unwrap_err();
        assert_eq!(place_of(&error).map(|(line, _)| line), Some(13), "{wrong}: {error}");
    }
    let forbidden = "{ spend = { quantile_at_least = 0.75 } }\nforbidden = { spend = { quantile_at_least = 0.5 } }";
    assert!(of(forbidden).unwrap_err().to_string().contains("cannot be forbidden to be among the upper half"));
}

/// The small playbook with more at its end, which is line 16 and what follows.
fn with(more: &str) -> Result<Playbook> {
    Playbook::parse("small.toml", &format!("{}{more}", *SMALL))
}

#[test]
fn an_insight_has_a_reason_to_be_said() {
    let insight = |reason: &str| with(&format!("[[persona.insight]]\nsays = \"s\"\n{reason}\n"));
    assert!(matches!(insight("test = \"ask\"").unwrap().personas[0].insights[0].grounds, Grounds::Test(_)));
    assert!(matches!(insight("if = { spend = \"high\" }").unwrap().personas[0].insights[0].grounds, Grounds::If(_)));
    for wrong in ["", "test = \"ask\"\nif = { spend = \"high\" }"] {
        assert_eq!(place_of(&insight(wrong).unwrap_err()), Some((17, 8)), "{wrong}");
    }
    let unknown = insight("if = { spent = \"high\" }").unwrap_err();
    assert_eq!((place_of(&unknown), unknown.hint_text()), (Some((18, 8)), Some("did you mean `spend`?")));
}

#[test]
fn a_move_leads_to_another_persona_of_the_playbook() {
    let to = |name: &str| {
        let rest = "wanted = true\ntrigger = \"t\"\naction = \"a\"";
        with(&format!("[[persona.move]]\nto = \"{name}\"\n{rest}\n")).unwrap_err()
    };
    assert_eq!((place_of(&to("Rihc")), to("Rihc").hint_text()), (Some((17, 6)), Some("did you mean `Rich`?")));
    assert!(to("Rich").to_string().contains("another persona"));
}

#[test]
fn targets_baselines_times_and_shares_make_sense() {
    let kpi = |line: &str| with(&format!("[[persona.kpi]]\nname = \"n\"\n{line}\n"));
    assert!(kpi("target = 25\nwindow = \"6 months\"\nbaseline = { mean = \"spend\" }").is_ok());
    for wrong in [
        "target = {}",
        "target = { at_least = 2, at_most = 1 }",
        "target = nan",
        "window = \"soon\"",
        "target = \"25 %\"",
    ] {
        assert_eq!(place_of(&kpi(wrong).unwrap_err()).map(|(line, _)| line), Some(18), "{wrong}");
    }
    let unknown = kpi("baseline = { mean = \"spent\" }").unwrap_err();
    assert_eq!((place_of(&unknown), unknown.hint_text()), (Some((18, 21)), Some("did you mean `spend`?")));
    assert!(with("budget_share = 101.0\n").unwrap_err().to_string().contains("at most 100"));
}

#[test]
fn the_budget_is_divided_only_once() {
    let share = |name: &str| {
        let rich = SMALL[SMALL.find("[[persona]]").unwrap()..].replace("Rich", name);
        format!("{rich}budget_share = 60.0\n")
    };
    let head = &SMALL[..SMALL.find("[[persona]]").unwrap()];
    let twice = Playbook::parse("p.toml", &format!("{head}{}{}", share("A"), share("B"))).unwrap_err();
    assert!(twice.to_string().contains("add up to 120"), "{twice}");
    assert_eq!(place_of(&twice), Some((25, 16)));
}

#[test]
fn actions_by_horizon_need_horizons() {
    let wrong = with("calendar = { now = [\"act\"] }\n").unwrap_err();
    assert!(wrong.hint_text().is_some_and(|hint| hint.contains("[horizons]")), "{wrong}");
}

#[test]
fn two_personas_of_one_name_are_refused() {
    let persona = SMALL.find("[[persona]]").map(|at| &SMALL[at..]).unwrap();
    let wrong = Playbook::parse("small.toml", &format!("{}{persona}", *SMALL)).unwrap_err();
    assert_eq!(place_of(&wrong), Some((17, 8)));
}

#[test]
fn a_playbook_that_is_not_there_says_what_is() {
    let unknown = Playbook::load("rfn").unwrap_err();
    assert!(unknown.hint_text().is_some_and(|hint| hint.contains("rfm")));
    assert_eq!(Playbook::load("no/such.toml").unwrap_err().kind(), Kind::InputMissing);
}
