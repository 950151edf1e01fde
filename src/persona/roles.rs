//! Which column plays which role: as the job says, else by the names that tables commonly use.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::job::nearest;

use super::playbook::{Playbook, Role};

/// A role and the column found for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleColumn {
    pub role: String,
    /// Absent where the table has no column for it.
    pub column: Option<String>,
}

impl Playbook {
    /// Finds a column for every role among `columns`. What `given` says (role, column) comes first; then each role
    /// takes the first of its usual names that a free column has, whatever its case and separators.
    pub fn assign_roles(&self, columns: &[&str], given: &[(String, String)]) -> Result<Vec<RoleColumn>> {
        for (role, column) in given {
            if !self.roles.iter().any(|known| known.name == *role) {
                let known: Vec<&str> = self.roles.iter().map(|known| known.name.as_str()).collect();
                let message = format!("[persona.roles]: playbook {:?} has no role {role:?}", self.name);
                return Err(Error::job(message).hint(match nearest(role, known.iter().copied()) {
                    Some(nearest) => format!("did you mean `{nearest}`?"),
                    None => format!("its roles are: {}", known.join(", ")),
                }));
            }
            if !columns.contains(&column.as_str()) {
                let message = format!("[persona.roles]: {role} = {column:?}, which is no column of the profile");
                return Err(Error::job(message).hint(match nearest(column, columns.iter().copied()) {
                    Some(nearest) => format!("did you mean `{nearest}`?"),
                    None => format!("the columns are: {}", columns.join(", ")),
                }));
            }
        }
        let free: Vec<&str> =
            columns.iter().copied().filter(|column| !given.iter().any(|(_, taken)| taken == column)).collect();
        let said = |name: &str| given.iter().find(|(role, _)| role == name).map(|(_, column)| column.clone());
        let silent: Vec<&Role> = self.roles.iter().filter(|role| said(&role.name).is_none()).collect();
        let mut named = by_usual_names(&silent, &free).into_iter();
        let assigned = self.roles.iter().map(|role| match said(&role.name) {
            Some(column) => RoleColumn { role: role.name.clone(), column: Some(column) },
            None => named.next().unwrap_or(RoleColumn { role: role.name.clone(), column: None }),
        });
        Ok(assigned.collect())
    }
}

/// A column for every role that has one, by usual names alone; in the order of the roles.
pub(super) fn by_usual_names(roles: &[&Role], columns: &[&str]) -> Vec<RoleColumn> {
    let mut free = columns.to_vec();
    let found = roles.iter().map(|role| {
        let usual = |name: &String| free.iter().position(|column| plain(column) == plain(name));
        let column = role.columns.iter().find_map(usual).map(|at| free.remove(at).to_owned());
        RoleColumn { role: role.name.clone(), column }
    });
    found.collect()
}

/// A column's name without case and separators: "Total Spent" is "total_spent".
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assigned(columns: &[&str], given: &[(&str, &str)]) -> Vec<Option<String>> {
        let given: Vec<(String, String)> = given.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect();
        let playbook = Playbook::load("rfm").unwrap();
        playbook.assign_roles(columns, &given).unwrap().into_iter().map(|role| role.column).collect()
    }

    #[test]
    fn common_names_are_found_whatever_their_case_and_separators() {
        let some = |name: &str| Some(name.to_owned());
        let found = assigned(&["Total Spent", "Recency-Days", "age", "nOrders"], &[]);
        assert_eq!(found, [some("nOrders"), some("Total Spent"), some("Recency-Days")]);
        assert_eq!(assigned(&["age", "orders"], &[]), [some("orders"), None, None]);
    }

    #[test]
    fn what_the_job_says_comes_before_the_usual_names() {
        let some = |name: &str| Some(name.to_owned());
        let found = assigned(&["monetary", "net", "frequency"], &[("monetary", "net"), ("recency", "frequency")]);
        assert_eq!(found, [None, some("net"), some("frequency")]);
    }

    #[test]
    fn a_wrong_role_or_column_names_the_nearest_right_one() {
        let playbook = Playbook::load("rfm").unwrap();
        let error = |role: &str, column: &str| {
            let given = [(role.to_owned(), column.to_owned())];
            playbook.assign_roles(&["recency", "total_spent"], &given).unwrap_err()
        };
        assert_eq!(error("recensy", "recency").hint_text(), Some("did you mean `recency`?"));
        assert_eq!(error("monetary", "total_spend").hint_text(), Some("did you mean `total_spent`?"));
    }
}
