//! Loads the configuration of one role: TOML file, then environment overrides, then the role's own
//! types, then the relations between knobs. Knows no role; must never print a secret.

mod environment;
mod mask;
mod nearest;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::Table;

pub use environment::Overrides;

/// A role's configuration.
pub trait RoleConfig: DeserializeOwned + Serialize {
    /// Checks relations between knobs that no single type can express.
    ///
    /// # Errors
    /// A sentence that names the knobs.
    fn check(&self) -> Result<(), String>;
}

/// Why a configuration is refused. Each message names the file or variable, and the knob.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file given with `--config`.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{}: {reason}", path.display())]
    Syntax {
        /// The file given with `--config`.
        path: PathBuf,
        /// Line, column and fault.
        reason: String,
    },
    /// An environment override is not usable.
    #[error("environment variable {name}: {reason}")]
    Variable {
        /// Its full name.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// A key is unknown, missing, or of the wrong type.
    #[error("configuration of {role}: {reason}")]
    Shape {
        /// The role.
        role: &'static str,
        /// What is wrong, with the nearest known key.
        reason: String,
    },
    /// Two knobs contradict each other.
    #[error("configuration of {role}: {reason}")]
    Relation {
        /// The role.
        role: &'static str,
        /// Which knobs and why.
        reason: String,
    },
}

/// Loads the configuration of `role` from a file (if any) and the environment.
///
/// # Errors
/// See [`ConfigError`].
pub fn load<C: RoleConfig>(
    role: &'static str,
    file: Option<&Path>,
    environment: impl Iterator<Item = (OsString, OsString)>,
) -> Result<C, ConfigError> {
    let mut table = file.map_or_else(|| Ok(Table::new()), read)?;
    let overrides = Overrides::collect(role, environment)?;
    overrides.apply(&mut table)?;
    let config: C = table.try_into().map_err(|error: toml::de::Error| {
        let reason = nearest::explain(error.message(), &overrides);
        ConfigError::Shape { role, reason }
    })?;
    config.check().map_err(|reason| ConfigError::Relation { role, reason })?;
    Ok(config)
}

fn read(path: &Path) -> Result<Table, ConfigError> {
    let text = fs::read_to_string(path)
        .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    text.parse().map_err(|error: toml::de::Error| {
        let reason = error.to_string().lines().map(str::trim).collect::<Vec<_>>().join(" ");
        ConfigError::Syntax { path: path.to_owned(), reason }
    })
}

/// The configuration as TOML with its secrets masked, for `--print-effective`.
///
/// # Errors
/// When a type has no TOML form, which a test of each role excludes.
pub fn effective<C: RoleConfig>(config: &C) -> Result<String, toml::ser::Error> {
    let mut table = Table::try_from(config)?;
    mask::table(&mut table);
    toml::to_string_pretty(&table)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Serialize, Deserialize, PartialEq)]
    #[serde(default, deny_unknown_fields)]
    struct Sample {
        listen_port: u16,
        database_url: String,
        limits: Limits,
    }

    #[derive(Debug, Serialize, Deserialize, PartialEq)]
    #[serde(default, deny_unknown_fields)]
    struct Limits {
        wait_ms: u64,
        deadline_ms: u64,
    }

    impl Default for Sample {
        fn default() -> Self {
            let database_url = "postgres://u:geheim@h/d".to_owned();
            Self { listen_port: 8080, database_url, limits: Limits::default() }
        }
    }

    impl Default for Limits {
        fn default() -> Self {
            Self { wait_ms: 10, deadline_ms: 100 }
        }
    }

    impl RoleConfig for Sample {
        fn check(&self) -> Result<(), String> {
            if self.limits.wait_ms < self.limits.deadline_ms {
                return Ok(());
            }
            Err("limits.wait_ms must be below limits.deadline_ms".to_owned())
        }
    }

    fn sample(text: &str, environment: &[(&str, &str)]) -> Result<Sample, String> {
        let dir = tempfile::tempdir().expect("temporary directory");
        let file = dir.path().join("sample.toml");
        fs::write(&file, text).expect("write");
        let environment = environment.iter().map(|(k, v)| (OsString::from(k), OsString::from(v)));
        load("sample", Some(&file), environment).map_err(|error| error.to_string())
    }

    #[test]
    fn environment_goes_over_file_goes_over_default() {
        let text = "listen_port = 1\n[limits]\nwait_ms = 2\n";
        let overrides = [("SEATGRID_SAMPLE__LIMITS__WAIT_MS", "3"), ("SEATGRID_OTHER__X", "1")];
        let config = sample(text, &overrides).expect("good");
        assert_eq!((config.listen_port, config.limits.wait_ms), (1, 3));
        assert_eq!(config.limits.deadline_ms, 100);
    }

    #[test]
    fn faults_are_named() {
        let none: &[(&str, &str)] = &[];
        let cases = [
            ("listen_prot = 1", none, "unknown key `listen_prot`, did you mean `listen_port`?"),
            ("[limits]\nwait = 1", none, "unknown key `wait`, did you mean `wait_ms`?"),
            ("", &[("SEATGRID_SAMPLE__LISTEN_PRT", "1")][..], "(from SEATGRID_SAMPLE__LISTEN_PRT)"),
            ("listen_port = 'x'", none, "invalid type"),
            ("listen_port = ", none, "sample.toml: TOML parse error at line 1"),
            ("limits.wait_ms = 100", none, "wait_ms must be below"),
            ("listen_port = 1", &[("SEATGRID_SAMPLE__LISTEN_PORT__X", "1")], "is not a table"),
        ];
        for (text, environment, expected) in cases {
            let error = sample(text, environment).expect_err(text);
            assert!(error.contains(expected), "{text}: {error}");
            assert!(!error.contains('\n'), "one line: {error}");
        }
    }

    #[test]
    fn the_effective_form_masks_secrets_and_loads_again() {
        let text = effective(&Sample::default()).expect("TOML");
        assert!(!text.contains("geheim"), "{text}");
        let again = sample(&text, &[]).expect("loads");
        assert_eq!(again.limits, Limits::default());
    }
}
