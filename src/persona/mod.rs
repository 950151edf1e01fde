//! Playbooks, and the names that clusters earn by them.
//!
//! A playbook (TOML) holds personas: a name, a story, what to do, and conditions over the profile in the words
//! marketers use ("recency is low"). Every cluster is judged against every persona; names go out by an optimal
//! matching, each with its evidence. A persona that no cluster earns is *not found*; one that the table has no columns
//! for *cannot be judged*; a cluster that earns nothing is described by its strongest features. This room never sees a
//! row, a label or a cluster's number: two profiles that differ in the numbering of their clusters give the same names.

mod advice;
mod asked;
mod check;
mod descriptive;
mod guide;
mod judge;
mod matching;
mod naming;
mod playbook;
mod played;
mod quantiles;
mod roles;
#[cfg(test)]
mod samples;
mod schema;
mod span;
mod standing;
mod suggest;
mod words;
mod written;

pub use advice::{
    BaselineOf, BusinessValue, CURRENCY, Calendar, Horizons, Kpi, LeaveOut, Level, Monitor, Move, Tactic, Target,
};
pub use asked::{Asked, Bounds, IndexBounds, LiftBounds, QUANTILES, QuantileBounds};
pub use guide::{Baseline, Budget, Guide, Hypothesis, TrackedKpi, guides};
pub use judge::{Evidence, JUDGED_FROM};
pub use naming::{Basis, Closest, NamedCluster, Naming, Outcome, PersonaVerdict, name};
pub use playbook::{Condition, Grounds, Importance, Insight, Persona, Playbook, Role};
pub use roles::RoleColumn;
pub use schema::schema;
pub use span::{Span, SpanUnit};
pub use standing::{Distinction, Measure, Standing};
pub use suggest::{Suggestion, suggest, try_on};
pub use words::Word;
