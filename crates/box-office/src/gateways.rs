//! Makes the payment providers of this installation from configuration; the only place that knows
//! which adapters exist.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use payments::{
    AdapterConfigError, Breaker, BreakerTerms, PaymentProvider, Providers, Secret, Stripe,
    StripeConfig, YooKassa, YooKassaConfig,
};

use crate::config::{ProviderConfig, ProviderKind};

/// Longest secret, in bytes; real ones have below 100.
const SECRET_BYTES_MAX: usize = 4_096;

/// Why a provider cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// Its secret cannot be read.
    #[error("payment provider {name}: secret file {path}: {detail}")]
    Secret {
        /// The provider.
        name: String,
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// Its settings cannot work.
    #[error(transparent)]
    Config(#[from] AdapterConfigError),
}

/// All providers, ready to be called; opens no connection yet.
pub(crate) fn providers(
    configs: &BTreeMap<String, ProviderConfig>,
) -> Result<Providers, GatewayError> {
    let mut providers = Providers::new();
    for (name, config) in configs {
        let provider = match config.kind {
            ProviderKind::Yookassa => yookassa(name, config)?,
            ProviderKind::Stripe => stripe(name, config)?,
        };
        let provider = Arc::new(Breaker::new(provider, BreakerTerms::default()));
        providers.register(provider).expect("names are the keys of a map, so they are unique");
    }
    Ok(providers)
}

fn yookassa(name: &str, config: &ProviderConfig) -> Result<Arc<dyn PaymentProvider>, GatewayError> {
    let defaults = YooKassaConfig::default();
    let adapter = YooKassa::new(YooKassaConfig {
        name: name.to_owned(),
        base_url: config.base_url.clone().unwrap_or(defaults.base_url),
        shop_id: config.shop_id.clone(),
        secret: secret(name, &config.secret_file, Lines::One)?,
        call_timeout_ms: config.call_timeout_ms,
        connect_timeout_ms: config.connect_timeout_ms,
        answer_bytes_max: defaults.answer_bytes_max,
    })?;
    Ok(Arc::new(adapter))
}

fn stripe(name: &str, config: &ProviderConfig) -> Result<Arc<dyn PaymentProvider>, GatewayError> {
    let defaults = StripeConfig::default();
    let webhook_secret = match &config.webhook_secret_file {
        Some(file) => secret(name, file, Lines::Several)?,
        // The adapter refuses to go without, and says so.
        None => Secret::default(),
    };
    let adapter = Stripe::new(StripeConfig {
        name: name.to_owned(),
        base_url: config.base_url.clone().unwrap_or(defaults.base_url),
        secret: secret(name, &config.secret_file, Lines::One)?,
        webhook_secret,
        call_timeout_ms: config.call_timeout_ms,
        connect_timeout_ms: config.connect_timeout_ms,
        answer_bytes_max: defaults.answer_bytes_max,
    })?;
    Ok(Arc::new(adapter))
}

/// How many lines a secret may have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lines {
    One,
    Several,
}

fn secret(name: &str, file: &Path, lines: Lines) -> Result<Secret, GatewayError> {
    let failed = |detail: String| GatewayError::Secret {
        name: name.to_owned(),
        path: file.to_owned(),
        detail,
    };
    let text = std::fs::read(file).map_err(|e| failed(e.to_string()))?;
    let text = secret_text(&text, lines)
        .ok_or_else(|| failed("must hold 1 to 4096 printable characters".to_owned()))?;
    Ok(Secret::new(text))
}

/// The text without the line end; what no header can carry is no secret of a gateway, but those that sign
/// its notifications may stand on several lines.
fn secret_text(bytes: &[u8], lines: Lines) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?.trim();
    let sized = (1..=SECRET_BYTES_MAX).contains(&text.len());
    let fits = |b: u8| b.is_ascii_graphic() || (b == b'\n' && lines == Lines::Several);
    (sized && text.bytes().all(fits)).then(|| text.to_owned())
}
