//! I11: a row's version never goes back.

use super::{Check, Finished};

/// See the module.
pub struct Rows;

impl Check for Rows {
    fn name(&self) -> &'static str {
        "I11 rows never go back"
    }

    fn finish(&mut self, run: &Finished<'_>) -> Result<(), String> {
        match run.tables.regressions.first() {
            Some(regression) => Err(regression.clone()),
            None => Ok(()),
        }
    }
}
