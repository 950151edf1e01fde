//! Small playbooks for tests: the least that can be read, and what a test adds to it.

/// A playbook with roles of these names, each played by a column of the same name, and these personas.
pub(super) fn book(roles: &[&str], personas: &[String]) -> String {
    let mut text = "\nname = \"small\"\ntitle = \"t\"\ndescription = \"d\"\n".to_owned();
    for role in roles {
        text += &format!("[roles.{role}]\nmeaning = \"m\"\ncolumns = [\"{role}\"]\n");
    }
    text + &personas.concat()
}

/// A persona with lines of conditions, and more lines behind all that a persona must have.
pub(super) fn persona(name: &str, conditions: &str, more: &str) -> String {
    format!(
        "[[persona]]\nname = \"{name}\"\nstory = \"s\"\npriority = \"low to medium\"\n\
         business_value = {{ rating = \"high\", reason = \"r\" }}\n{conditions}\nobjective = \"o\"\n{more}"
    )
}
