//! What our playbooks say of a persona's customers as a fact is what its conditions test: stories and reasons rest on what
//! is required or forbidden, insights on their own conditions. Words are looked up in a list of what they speak about; the
//! list knows columns, not directions, which remain for people to read. What may be is no claim.

use segmint::persona::{Condition, Grounds, Importance, Persona, Playbook};

/// Words that speak about a column, unless one of the others is beside them, and the roles that can make them true.
const SPOKEN_OF: &[(&[&str], &[&str], &[&str])] = &[
    (
        &["last order", "last purchase", "recent", "lately", "long ago", "seen", "away", "asleep", "return they"],
        &["seen to"],
        &["recency"],
    ),
    (&["often", "seldom", "frequent"], &["discount", "full price", "service", "deal"], &["frequency"]),
    (&["fewer orders", "more orders", "many orders", "few orders", "steady", "once", "habit"], &[], &["frequency"]),
    (&["spend", "money", "lifetime value"], &["more on ", "than others on ", "category"], &["monetary"]),
    (&["category"], &[], &["electronics"]),
    (
        &["small order", "smaller", "larger orders", "large orders", "large amount", "basket", "each of their orders"],
        &[],
        &["order_value"],
    ),
    (&["discount", "deal", "full price", "price", "offer", "coupon", "margin"], &[], &["discount_usage", "deals"]),
    (
        &["send less back", "send more back", "comes back", "return less", "return more", "parcel"],
        &[],
        &["return_rate"],
    ),
    (&["content", "satisf", "patience", "annoy"], &[], &["satisfaction"]),
    (&["customer service", "support call"], &[], &["support_calls"]),
    (&["account", "been customers", "newcomer"], &[], &["tenure"]),
    (&["engage", "opens", "open,", "click", "moves them", "answer"], &[], &["engagement"]),
    (&["income"], &[], &["income"]),
    (&["children", "teenager", "famil"], &[], &["children", "teenagers", "small_children"]),
    (&["younger", "older than"], &["account"], &["age"]),
    (&["channel"], &[], &["web", "store", "catalogue"]),
    (&["wine"], &[], &["wine"]),
    (&["meat"], &[], &["meat"]),
    (&["electronics"], &[], &["electronics"]),
    (&["fashion"], &[], &["fashion"]),
    (&["home and living"], &[], &["home"]),
    (&["seasonal"], &[], &["seasonal"]),
    (&["accessories"], &[], &["accessories"]),
    (&["quality", "luxury", "premium", "loyalty", "expect"], &[], &[]),
];

/// Words of a sentence that claims nothing: what may be, what is open, what to do.
const NO_CLAIM: &[&str] =
    &[" may ", "whether ", "what they become", "what becomes", "unless ", "treat them", "can ", "be it "];

/// Sentences that speak about what none of the roles can tell, each with the words.
fn ungrounded(text: &str, roles: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for sentence in text.split(['.', ':', ';']).map(|sentence| format!("{} ", sentence.to_lowercase())) {
        if NO_CLAIM.iter().any(|words| sentence.contains(words)) {
            continue;
        }
        for (words, unless, grounds) in SPOKEN_OF {
            let spoken = words.iter().find(|words| sentence.contains(**words));
            let beside = unless.iter().any(|words| sentence.contains(words));
            // Money over orders tells the value of an order too.
            let of_both =
                grounds.contains(&"order_value") && ["monetary", "frequency"].iter().all(|r| roles.contains(r));
            let grounded = of_both || grounds.iter().any(|role| roles.contains(role));
            if let Some(words) = spoken.filter(|_| !beside && !grounded) {
                found.push(format!("{words:?} in {:?}", sentence.trim()));
            }
        }
    }
    found
}

fn of<'a>(conditions: impl Iterator<Item = &'a Condition>) -> Vec<&'a str> {
    conditions.map(|condition| condition.role.as_str()).collect()
}

fn claims(persona: &Persona) -> Vec<String> {
    let certain = of(persona.conditions.iter().filter(|condition| condition.importance != Importance::Typical));
    let mut found = ungrounded(&persona.story, &certain);
    found.extend(ungrounded(&persona.business_value.reason, &certain));
    for insight in &persona.insights {
        match &insight.grounds {
            Grounds::If(conditions) => found.extend(ungrounded(&insight.says, &of(conditions.iter()))),
            Grounds::Test(_) => {}
        }
    }
    found
}

#[test]
fn our_playbooks_claim_what_their_conditions_test() {
    let mut found = Vec::new();
    for playbook in Playbook::ours().unwrap() {
        for persona in &playbook.personas {
            let claims = claims(persona);
            found.extend(claims.into_iter().map(|claim| format!("{}, {}: {claim}", playbook.name, persona.name)));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn claims_that_nothing_tests_are_seen() {
    let roles = ["discount_usage", "monetary", "order_value", "recency"];
    for claim in [
        "Many small orders, which come often.",
        "They spend little, yet they are content.",
        "Nothing that is sent to them moves them.",
        "They choose by quality.",
        "Their account is young.",
    ] {
        assert!(!ungrounded(claim, &roles).is_empty(), "{claim}");
    }
    assert_eq!(ungrounded("They may be content. They buy at a discount more often than others.", &roles), [""; 0]);
    assert_eq!(ungrounded("Their orders are large orders.", &["monetary", "frequency"]), [""; 0]);
    assert!(!ungrounded("Many small orders that the right offer sets off", &["discount_usage", "monetary"]).is_empty());
}
