//! Catalogue and checkout.

use anyhow::Result;
use box_office::{OfficeConfig, office};

use super::with_config;
use crate::cli::RoleArgs;
use crate::config::RoleConfig;
use crate::role::Role;

impl RoleConfig for OfficeConfig {
    fn check(&self) -> Result<(), String> {
        self.validate().map_err(|error| error.to_string())
    }
}

pub(super) async fn run(args: &RoleArgs) -> Result<()> {
    with_config(Role::Office, args, async |config: OfficeConfig, shutdown| {
        Ok(Box::pin(office::run(config, shutdown)).await?)
    })
    .await
}
