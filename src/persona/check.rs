//! From a playbook as it is written to one that makes sense: names that exist, conditions that somebody can meet,
//! numbers that are numbers. What does not is shown where it stands.

use toml::Spanned;

use crate::error::Result;

use super::advice::{BaselineOf, Kpi, Move, Target};
use super::asked::{Asked, Bounds, IndexBounds, LiftBounds, QUANTILES, QuantileBounds};
use super::playbook::{Condition, Grounds, Importance, Insight, Persona, Playbook, Role};
use super::written::{Conditions, InFull, Text, WrittenInsight, WrittenKpi, WrittenPersona, WrittenPlaybook};

/// Most personas in a playbook. Matching costs their number squared, and nobody runs more campaigns.
const PERSONAS_MAX: usize = 64;

/// Weight of a condition that states none. What must hold also says most about how well it fits.
const REQUIRED_WEIGHT: f64 = 2.0;
const TYPICAL_WEIGHT: f64 = 1.0;

/// Largest weight of a condition.
const WEIGHT_MAX: f64 = 1000.0;

/// A budget, in per cent.
const WHOLE: f64 = 100.0;

pub(super) fn playbook(text: &Text, written: WrittenPlaybook) -> Result<Playbook> {
    names(text, &written)?;
    moves(text, &written)?;
    budget(text, &written)?;
    let has_actions = |calendar: &super::advice::Calendar| *calendar != super::advice::Calendar::default();
    let by_horizon = has_actions(&written.calendar) || written.personas.iter().any(|p| has_actions(&p.calendar));
    if by_horizon && written.horizons.is_none() {
        return Err(text
            .error(0, "there are actions by horizon, but not what the horizons mean")
            .hint("add [horizons] with now, next and later, as in now = \"the first month\""));
    }
    let WrittenPlaybook { name, title, description, roles, horizons, calendar, monitors, personas } = written;
    let roles: Vec<Role> = roles
        .into_iter()
        .map(|(name, role)| {
            let name = name.into_inner();
            Role {
                lower: role.lower.unwrap_or_else(|| format!("lower {name}")),
                higher: role.higher.unwrap_or_else(|| format!("higher {name}")),
                name,
                meaning: role.meaning,
                columns: role.columns,
            }
        })
        .collect();
    let personas = personas.into_iter().map(|written| persona(text, &roles, written)).collect::<Result<_>>()?;
    Ok(Playbook {
        name: name.into_inner(),
        title,
        description,
        roles,
        horizons,
        calendar,
        monitors,
        personas,
        text: text.text.to_owned(),
    })
}

fn names(text: &Text, written: &WrittenPlaybook) -> Result<()> {
    let name = &written.name;
    if name.get_ref().trim().is_empty() {
        return Err(text.error(name.span().start, "a playbook needs a name"));
    }
    if written.personas.is_empty() || written.personas.len() > PERSONAS_MAX {
        let found = written.personas.len();
        return Err(text.error(0, &format!("{found} personas; there must be 1 to {PERSONAS_MAX}")));
    }
    for (index, persona) in written.personas.iter().enumerate() {
        let (name, at) = (persona.name.get_ref(), persona.name.span().start);
        if name.trim().is_empty() {
            return Err(text.error(at, "a persona needs a name"));
        }
        if written.personas.iter().take(index).any(|earlier| earlier.name.get_ref() == name) {
            return Err(text.error(at, &format!("two personas are called {name:?}")));
        }
    }
    Ok(())
}

/// Moves lead to another persona of the playbook.
fn moves(text: &Text, written: &WrittenPlaybook) -> Result<()> {
    let names = || written.personas.iter().map(|persona| persona.name.get_ref().as_str());
    for persona in &written.personas {
        for to in persona.moves.iter().map(|found| &found.to) {
            if !names().any(|name| name == to.get_ref()) {
                let all = names().collect::<Vec<_>>().join(", ");
                return Err(text.unknown("persona", to, names(), &format!("the personas are: {all}")));
            }
            if to.get_ref() == persona.name.get_ref() {
                return Err(text.error(to.span().start, "a move leads to another persona"));
            }
        }
    }
    Ok(())
}

fn budget(text: &Text, written: &WrittenPlaybook) -> Result<()> {
    let mut sum = 0.0;
    for share in written.personas.iter().filter_map(|persona| persona.budget_share.as_ref()) {
        let (own, at) = (*share.get_ref(), share.span().start);
        if !(own > 0.0 && own <= WHOLE) {
            return Err(text.error(at, &format!("a budget share is above 0 and at most {WHOLE} per cent, not {own}")));
        }
        sum += own;
        if sum > WHOLE {
            return Err(text.error(at, &format!("up to here the budget shares add up to {sum} per cent")));
        }
    }
    Ok(())
}

fn persona(text: &Text, roles: &[Role], written: WrittenPersona) -> Result<Persona> {
    if written.required.is_empty() {
        let at = written.name.span().start;
        return Err(text
            .error(
                at,
                &format!("persona {:?} requires nothing, so every cluster would earn it", written.name.get_ref()),
            )
            .hint("add a condition under `required`"));
    }
    let mut conditions = Vec::new();
    add_conditions(text, roles, written.required, Importance::Required, &mut conditions)?;
    add_conditions(text, roles, written.typical, Importance::Typical, &mut conditions)?;
    add_conditions(text, roles, written.forbidden, Importance::Forbidden, &mut conditions)?;
    let moves = written.moves.into_iter().map(|found| Move {
        to: found.to.into_inner(),
        wanted: found.wanted,
        trigger: found.trigger,
        within: found.within,
        action: found.action,
    });
    Ok(Persona {
        name: written.name.into_inner(),
        story: written.story,
        priority: written.priority,
        business_value: written.business_value,
        conditions,
        insights: written.insights.into_iter().map(|found| insight(text, roles, found)).collect::<Result<_>>()?,
        objective: written.objective,
        tactics: written.tactics,
        kpis: written.kpis.into_iter().map(|found| kpi(text, roles, found)).collect::<Result<_>>()?,
        budget_share: written.budget_share.map(Spanned::into_inner),
        notes: written.notes,
        calendar: written.calendar,
        moves: moves.collect(),
    })
}

fn add_conditions(
    text: &Text,
    roles: &[Role],
    written: Conditions,
    importance: Importance,
    conditions: &mut Vec<Condition>,
) -> Result<()> {
    for (role, asked) in written {
        let (asked_at, role) = (asked.span().start, known_role(text, roles, role)?);
        let written = asked.into_inner().0;
        let asked = checked_asked(&written).map_err(|message| text.error(asked_at, &message))?;
        let weight = match (importance, written.weight) {
            (Importance::Forbidden, None) => 0.0,
            (Importance::Forbidden, Some(_)) => {
                return Err(text.error(asked_at, "what is forbidden has no weight: it rules the persona out"));
            }
            (Importance::Required, None) => REQUIRED_WEIGHT,
            (Importance::Typical, None) => TYPICAL_WEIGHT,
            (_, Some(weight)) if weight > 0.0 && weight <= WEIGHT_MAX => weight,
            (_, Some(weight)) => {
                let allowed = format!("a weight is above 0 and at most {WEIGHT_MAX}, not {weight}");
                return Err(text.error(asked_at, &allowed));
            }
        };
        let rules_out = |earlier: &&Condition| {
            earlier.role == role && earlier.importance == Importance::Required && earlier.asked.implies(&asked)
        };
        if importance == Importance::Forbidden
            && let Some(required) = conditions.iter().find(rules_out)
        {
            let required = required.asked;
            return Err(
                text.error(asked_at, &format!("{role} must be {required}, so it cannot be forbidden to be {asked}"))
            );
        }
        conditions.push(Condition { role, asked, importance, weight });
    }
    Ok(())
}

fn known_role(text: &Text, roles: &[Role], role: Spanned<String>) -> Result<String> {
    if roles.iter().any(|known| known.name == *role.get_ref()) {
        return Ok(role.into_inner());
    }
    let declare = format!("declare it under [roles.{}]", role.get_ref());
    Err(text.unknown("role", &role, roles.iter().map(|known| known.name.as_str()), &declare))
}

/// One of: a word, bounds on the standing, on the index, on the median as quantiles, or in the column's unit.
fn checked_asked(written: &InFull) -> Result<Asked, String> {
    let InFull { is, lift_at_least, lift_at_most, index_at_least, index_at_most, at_least, at_most, .. } = *written;
    let InFull { quantile_at_least, quantile_at_most, .. } = *written;
    let quantiles = QuantileBounds { quantile_at_least, quantile_at_most };
    let bounds = [
        (lift_at_least, lift_at_most, Asked::Lift(LiftBounds { lift_at_least, lift_at_most })),
        (index_at_least, index_at_most, Asked::Index(IndexBounds { index_at_least, index_at_most })),
        (quantile_at_least, quantile_at_most, Asked::Quantile(quantiles)),
        (at_least, at_most, Asked::Bounds(Bounds { at_least, at_most })),
    ];
    let given: Vec<_> = bounds.into_iter().filter(|(least, most, _)| least.is_some() || most.is_some()).collect();
    let asked = match (is, given.as_slice()) {
        (Some(word), []) => Asked::Word(word),
        (None, [(_, _, asked)]) => *asked,
        (None, []) => return Err("a condition needs a word or a bound".into()),
        (None, _) => {
            return Err("a condition has bounds of one kind: on the lift, the index, the quantile or the mean".into());
        }
        (Some(_), _) => return Err("a condition is a word or has bounds, not both".into()),
    };
    if given.iter().flat_map(|(least, most, _)| [least, most]).flatten().any(|bound| !bound.is_finite()) {
        return Err("a bound is a finite number".into());
    }
    if let Some(odd) = [quantile_at_least, quantile_at_most].into_iter().flatten().find(|q| !QUANTILES.contains(q)) {
        return Err(format!("there is no quantile {odd} in a profile: it has 0.25, 0.5 and 0.75, the quartiles"));
    }
    let (least, most) = asked.range();
    if least > most {
        return Err("the lower bound is above the upper one".into());
    }
    Ok(asked)
}

fn insight(text: &Text, roles: &[Role], written: WrittenInsight) -> Result<Insight> {
    let at = written.says.span().start;
    let grounds = match (written.only_if.is_empty(), written.test) {
        (true, Some(test)) => Grounds::Test(test),
        (false, None) => {
            let mut conditions = Vec::new();
            add_conditions(text, roles, written.only_if, Importance::Required, &mut conditions)?;
            Grounds::If(conditions)
        }
        (true, None) => {
            return Err(text
                .error(at, "an insight needs a reason to be said")
                .hint("add `if` with conditions that make it true, or `test`, which says how to find out"));
        }
        (false, Some(_)) => {
            return Err(text.error(at, "an insight is true under conditions or is to be tested, not both"));
        }
    };
    Ok(Insight { says: written.says.into_inner(), grounds })
}

fn kpi(text: &Text, roles: &[Role], written: WrittenKpi) -> Result<Kpi> {
    if let Some(target) = &written.target {
        let wrong = match target.get_ref() {
            Target::Number(number) if !number.is_finite() => Some("a target is a finite number"),
            Target::Number(_) => None,
            Target::Bounds(Bounds { at_least: None, at_most: None }) => Some("a target needs a number or a bound"),
            Target::Bounds(Bounds { at_least, at_most }) => {
                let finite = [at_least, at_most].into_iter().flatten().all(|bound| bound.is_finite());
                let crossed = matches!((at_least, at_most), (Some(least), Some(most)) if least > most);
                (!finite || crossed).then_some("the bounds of a target are finite, the lower one first")
            }
        };
        if let Some(wrong) = wrong {
            return Err(text.error(target.span().start, wrong));
        }
    }
    let baseline = written.baseline.map(|baseline| -> Result<BaselineOf> {
        let per = baseline.per.map(|per| known_role(text, roles, per)).transpose()?;
        Ok(BaselineOf { mean: known_role(text, roles, baseline.mean)?, per })
    });
    Ok(Kpi {
        name: written.name,
        target: written.target.map(Spanned::into_inner),
        unit: written.unit,
        window: written.window,
        baseline: baseline.transpose()?,
        origin: written.origin,
    })
}
