//! Background work on payments and refunds.

use anyhow::Result;
use box_office::{WorkerConfig, worker};

use super::with_config;
use crate::cli::RoleArgs;
use crate::config::RoleConfig;
use crate::role::Role;

impl RoleConfig for WorkerConfig {
    fn check(&self) -> Result<(), String> {
        self.validate().map_err(|error| error.to_string())
    }
}

pub(super) async fn run(args: &RoleArgs) -> Result<()> {
    with_config(Role::Worker, args, async |config: WorkerConfig, shutdown| {
        Ok(Box::pin(worker::run(config, shutdown)).await?)
    })
    .await
}
