//! Playbooks, and the names that clusters earn by them.
//!
//! A playbook (TOML) holds personas: a name, a story, what to do, and conditions over the profile in the words
//! marketers use ("recency is low"). Every cluster is judged against every persona; names go out by an optimal
//! matching, each with its evidence. A persona that no cluster earns is *not found*; one that the table has no columns
//! for *cannot be judged*; a cluster that earns nothing is described by its strongest features. This room never sees a
//! row, a label or a cluster's number: two profiles that differ in the numbering of their clusters give the same names.

mod asked;
mod descriptive;
mod judge;
mod matching;
mod naming;
mod playbook;
mod roles;
mod standing;
mod words;
mod written;

pub use asked::{Asked, Bounds};
pub use judge::{Evidence, JUDGED_FROM};
pub use naming::{Basis, Closest, NamedCluster, Naming, Outcome, PersonaVerdict, name};
pub use playbook::{BusinessValue, Condition, Importance, Kpi, Level, Persona, Playbook, Role, Tactic};
pub use roles::RoleColumn;
pub use standing::{Distinction, Measure, Standing};
pub use words::Word;
