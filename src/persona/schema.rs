//! The JSON Schema of a playbook, for editors that complete and check TOML. It is made from the types that read one, so
//! the two cannot differ in what they know; what no schema can say (that a role is declared, that bounds are in order)
//! the reader checks.

use schemars::schema_for;

use crate::error::{Error, Result};

use super::written::WrittenPlaybook;

/// As text of JSON, with a line break at the end.
pub fn schema() -> Result<String> {
    let mut schema = schema_for!(WrittenPlaybook);
    schema.insert("title".to_owned(), "segmint playbook".into());
    let text =
        serde_json::to_string_pretty(&schema).map_err(|error| Error::bug("a schema that is no JSON").because(error))?;
    Ok(text + "\n")
}
