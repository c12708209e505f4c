//! The data writer.

use anyhow::Result;
use data_writer::WriterConfig;

use super::with_config;
use crate::cli::RoleArgs;
use crate::config::RoleConfig;
use crate::role::Role;

impl RoleConfig for WriterConfig {
    fn check(&self) -> Result<(), String> {
        self.validate().map_err(|error| error.to_string())
    }
}

pub(super) async fn run(args: &RoleArgs) -> Result<()> {
    with_config(Role::Writer, args, async |config: WriterConfig, shutdown| {
        Ok(Box::pin(data_writer::run(config, shutdown)).await?)
    })
    .await
}
