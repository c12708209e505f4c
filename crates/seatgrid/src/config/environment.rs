//! Overrides from the environment: `SEATGRID_<ROLE>__<KEY>`, nested keys joined by two underscores.
//! A value that reads as a TOML number, boolean, array, table or quoted string is that; any other
//! is a plain string.

use std::ffi::OsString;

use toml::{Table, Value};

use super::ConfigError;

/// The overrides of one role.
#[derive(Debug, Default)]
pub struct Overrides {
    found: Vec<Override>,
}

#[derive(Debug)]
struct Override {
    name: String,
    path: Vec<String>,
    value: Value,
}

impl Overrides {
    /// Picks the variables of `role`, in the order of their names.
    pub(super) fn collect(
        role: &str,
        environment: impl Iterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigError> {
        let prefix = format!("SEATGRID_{}__", role.to_uppercase());
        let mut found = Vec::new();
        for (name, value) in environment {
            let Some(name) = name.to_str().filter(|name| name.starts_with(&prefix)) else {
                continue;
            };
            let fault = |reason: &str| ConfigError::Variable {
                name: name.to_owned(),
                reason: reason.to_owned(),
            };
            let value = value.to_str().ok_or_else(|| fault("is not UTF-8"))?;
            let path: Vec<String> =
                name[prefix.len()..].split("__").map(str::to_lowercase).collect();
            if path.iter().any(String::is_empty) {
                return Err(fault("an empty key"));
            }
            found.push(Override { name: name.to_owned(), path, value: parse(value) });
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { found })
    }

    pub(super) fn apply(&self, table: &mut Table) -> Result<(), ConfigError> {
        self.found.iter().try_for_each(|found| found.apply(table))
    }

    /// The variable that brought in `key`, if one did.
    pub(super) fn source_of(&self, key: &str) -> Option<&str> {
        let found = self.found.iter().find(|found| found.path.iter().any(|part| part == key));
        found.map(|found| found.name.as_str())
    }
}

impl Override {
    fn apply(&self, table: &mut Table) -> Result<(), ConfigError> {
        let (last, parents) = self.path.split_last().expect("a path has at least one key");
        let mut table = table;
        for key in parents {
            let entry = table.entry(key).or_insert_with(|| Value::Table(Table::new()));
            table = entry.as_table_mut().ok_or_else(|| ConfigError::Variable {
                name: self.name.clone(),
                reason: format!("`{key}` is not a table"),
            })?;
        }
        table.insert(last.clone(), self.value.clone());
        Ok(())
    }
}

fn parse(text: &str) -> Value {
    let parsed = format!("value = {text}").parse::<Table>().ok();
    let value = parsed.and_then(|mut table| {
        // More than one key means that the text was more than a value.
        (table.len() == 1).then(|| table.remove("value")).flatten()
    });
    match value {
        // Dates are strings to every role.
        Some(Value::Datetime(_)) | None => Value::String(text.to_owned()),
        Some(value) => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        let cases = [
            ("1", Value::Integer(1)),
            ("true", Value::Boolean(true)),
            ("127.0.0.1:80", Value::String("127.0.0.1:80".to_owned())),
            ("plain text", Value::String("plain text".to_owned())),
            ("\"12\"", Value::String("12".to_owned())),
            ("", Value::String(String::new())),
            ("2026-01-01", Value::String("2026-01-01".to_owned())),
            ("1\nother = 2", Value::String("1\nother = 2".to_owned())),
            ("[\"a\"]", Value::Array(vec![Value::String("a".to_owned())])),
        ];
        for (text, value) in cases {
            assert_eq!(parse(text), value, "{text}");
        }
    }
}
