//! Names are earned: customers of planted groups get the names of their groups by each of our playbooks, and customers
//! without groups get none.

mod acceptance;
mod claims;
mod clustered;
mod names;
mod planting;
mod schema;
#[allow(dead_code)] // the load path's tests use the rest
#[path = "../load/table.rs"]
mod table;
mod worlds;
