//! The HTTP edge.

use anyhow::Result;
use router::RouterConfig;

use super::with_config;
use crate::cli::RoleArgs;
use crate::config::RoleConfig;
use crate::role::Role;

impl RoleConfig for RouterConfig {
    fn check(&self) -> Result<(), String> {
        self.validate().map_err(|error| error.to_string())
    }
}

pub(super) async fn run(args: &RoleArgs) -> Result<()> {
    with_config(Role::Router, args, async |config: RouterConfig, shutdown| {
        Ok(Box::pin(router::run(config, shutdown)).await?)
    })
    .await
}
