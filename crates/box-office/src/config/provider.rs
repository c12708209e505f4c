//! Settings of the gateways that take money, and what of them cannot work.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{ConfigError, PROVIDERS_MAX, ensure, is_provider_name};

/// One payment provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderConfig {
    /// Which adapter.
    pub kind: ProviderKind,
    /// Scheme, host and port of the gateway, when it is not the adapter's own default.
    #[serde(default)]
    pub base_url: Option<String>,
    /// The shop's id at the gateway. YooKassa's; Stripe knows the account by its key.
    #[serde(default)]
    pub shop_id: String,
    /// File with the shop's secret; its text without the line end is the secret.
    pub secret_file: PathBuf,
    /// File with the signing secret of the webhook, for gateways that sign (Stripe): one a line,
    /// two while one is being replaced.
    #[serde(default)]
    pub webhook_secret_file: Option<PathBuf>,
    /// What fiscal receipts say, where the gateway makes them for this shop. Without it payments
    /// go without.
    #[serde(default)]
    pub receipts: Option<ReceiptConfig>,
    /// Deadline of one call, milliseconds. Default 10,000.
    #[serde(default = "call_timeout_ms")]
    pub call_timeout_ms: u64,
    /// Deadline of the connection alone, milliseconds. Default 3,000.
    #[serde(default = "connect_timeout_ms")]
    pub connect_timeout_ms: u64,
}

/// What is the same on every fiscal receipt of a shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptConfig {
    /// The rate of value-added tax as the gateway codes it, 1 to 12; 1 is none.
    pub vat_code: u8,
    /// The system of taxes, 1 to 6, for shops that have several.
    #[serde(default)]
    pub tax_system_code: Option<u8>,
    /// The shop's own address, for orders whose buyer's address cannot be opened.
    pub email: String,
}

fn call_timeout_ms() -> u64 {
    10_000
}

fn connect_timeout_ms() -> u64 {
    3_000
}

/// The adapters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// YooKassa's API v3, also spoken by the sandbox gateway.
    Yookassa,
    /// Stripe Checkout.
    Stripe,
}

/// Checks ranges and relations.
pub(super) fn check(providers: &BTreeMap<String, ProviderConfig>) -> Result<(), ConfigError> {
    ensure("providers", providers.len() <= PROVIDERS_MAX, "must be at most 16")?;
    for (name, provider) in providers {
        let field = format!("providers.{name}");
        ensure(&field, is_provider_name(name), "must be 1 to 32 of a-z 0-9 _")?;
        let timeouts = provider.connect_timeout_ms <= provider.call_timeout_ms;
        ensure(&field, timeouts, "connect_timeout_ms must not exceed call_timeout_ms")?;
        if let Some(receipts) = &provider.receipts {
            let taxes = receipts.tax_system_code.is_none_or(|code| (1..=6).contains(&code));
            let whole = (1..=12).contains(&receipts.vat_code) && receipts.email.contains('@');
            let detail = "receipts: vat_code is 1 to 12, tax_system_code 1 to 6, email an address";
            ensure(&field, taxes && whole, detail)?;
        }
    }
    Ok(())
}
