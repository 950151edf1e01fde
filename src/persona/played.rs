//! What plays a role: a column of the table or, for the value of an order, the figure that is derived from two of them.
//!
//! A derived figure has a value for each cluster and for all, and no spread over customers. It borrows that of the money
//! spent in all, as multiples of its mean. Orders and their value make up that money together, so its spread is the wider
//! one, and a word is given too seldom rather than too often.

use std::borrow::Cow;

use crate::profile::{ClusterFigures, ColumnProfile, ColumnUse, DerivedProfile, Moments, Profile};

use super::judge::column_of;
use super::roles::RoleColumn;

/// The role, the derived figure that can play it, and the role whose spread is borrowed.
const ORDER_VALUE: &str = "order_value";
const AVERAGE_ORDER_VALUE: &str = "average_order_value";
const MONETARY: &str = "monetary";

/// Gives the role of an order's value to the derived figure where no column plays it.
pub(super) fn with_derived(mut roles: Vec<RoleColumn>, profile: &Profile) -> Vec<RoleColumn> {
    let can_play = derived(profile).zip(column_of(MONETARY, &roles)).is_some();
    for role in roles.iter_mut().filter(|role| role.role == ORDER_VALUE && role.column.is_none() && can_play) {
        role.column = Some(AVERAGE_ORDER_VALUE.to_owned());
    }
    roles
}

/// The figures of what plays a role.
pub(super) fn played<'a>(role: &str, roles: &[RoleColumn], profile: &'a Profile) -> Option<Cow<'a, ColumnProfile>> {
    let name = column_of(role, roles)?;
    if let Some(column) = profile.columns.iter().find(|column| column.name == name) {
        return Some(Cow::Borrowed(column));
    }
    let money = column_of(MONETARY, roles)?;
    let money = profile.columns.iter().find(|column| column.name == money)?;
    let derived = derived(profile).filter(|derived| derived.name == name)?;
    of_derived(derived, money).map(Cow::Owned)
}

fn derived(profile: &Profile) -> Option<&DerivedProfile> {
    profile.derived.iter().find(|derived| derived.name == AVERAGE_ORDER_VALUE && derived.overall.is_some())
}

fn of_derived(derived: &DerivedProfile, money: &ColumnProfile) -> Option<ColumnProfile> {
    let (all, money) = (derived.overall?, &money.overall);
    let variation = money.mean.filter(|mean| *mean > 0.0).and_then(|mean| Some(money.standard_deviation? / mean));
    let spread = variation.map(|variation| all * variation);
    let overall = Moments {
        count: money.count,
        missing: money.missing,
        mean: Some(all),
        standard_deviation: spread,
        min: money.min,
        ..Moments::default()
    };
    let clusters = derived.clusters.iter().map(|own| ClusterFigures {
        moments: Moments { mean: own.value, ..Moments::default() },
        lift: own.value.zip(spread.filter(|spread| *spread > 0.0)).map(|(own, spread)| (own - all) / spread),
        index: own.index,
    });
    Some(ColumnProfile {
        name: derived.name.clone(),
        column_use: ColumnUse::Described,
        unit: derived.unit.clone(),
        overall,
        clusters: clusters.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persona::Standing;
    use crate::profile::DerivedFigures;

    fn profile() -> Profile {
        let money = ColumnProfile {
            name: "spent".into(),
            overall: Moments {
                count: 10,
                mean: Some(100.0),
                standard_deviation: Some(200.0),
                min: Some(0.0),
                ..Moments::default()
            },
            clusters: vec![ClusterFigures::default(); 2],
            ..ColumnProfile::default()
        };
        let of = |value: f64| DerivedFigures { value: Some(value), index: Some(5.0 * value) };
        let derived = DerivedProfile {
            name: AVERAGE_ORDER_VALUE.into(),
            overall: Some(20.0),
            clusters: vec![of(10.0), of(40.0)],
            ..DerivedProfile::default()
        };
        Profile { columns: vec![money], derived: vec![derived], ..Profile::default() }
    }

    fn roles(order_value: Option<&str>) -> Vec<RoleColumn> {
        [("monetary", Some("spent")), ("order_value", order_value)]
            .map(|(role, column)| RoleColumn { role: role.into(), column: column.map(str::to_owned) })
            .into()
    }

    #[test]
    fn the_derived_figure_plays_the_role_where_no_column_does() {
        let profile = profile();
        let found = with_derived(roles(None), &profile);
        let played = played("order_value", &found, &profile).unwrap();
        assert_eq!(played.overall.mean, Some(20.0));
        let standing = |cluster| Standing::of(&played, cluster).unwrap().value;
        assert!(standing(0) < 0.0 && standing(0) == -standing(1), "half and twice are equally far");
        assert_eq!(with_derived(roles(Some("spent")), &profile), roles(Some("spent")), "a column comes first");
        let without = Profile { derived: Vec::new(), ..profile };
        assert_eq!(with_derived(roles(None), &without), roles(None));
    }
}
