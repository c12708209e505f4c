//! The test payment gateway and mailbox.

use anyhow::Result;
use payments::sandbox::{self, SandboxConfig};

use super::with_config;
use crate::cli::RoleArgs;
use crate::config::RoleConfig;
use crate::role::Role;

impl RoleConfig for SandboxConfig {
    fn check(&self) -> Result<(), String> {
        Self::check(self).map_err(|error| error.to_string())
    }
}

pub(super) async fn run(args: &RoleArgs) -> Result<()> {
    with_config(Role::Sandbox, args, async |config, shutdown| {
        Ok(sandbox::run(config, shutdown).await?)
    })
    .await
}
