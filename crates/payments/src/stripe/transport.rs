//! Stripe's way of asking: the secret key as bearer, forms as bodies, a fixed version of the API,
//! a key with each change.

use std::borrow::Cow;

use http::header::CONTENT_TYPE;
use reqwest::{Method, RequestBuilder};
use sha2::{Digest, Sha256};

use super::{StripeConfig, wire};
use crate::{
    adapter::{AdapterConfigError, Answer, Endpoint, Operation, Reach, field},
    provider::ProviderError,
    secret::Secret,
};

/// The version of the API that this adapter was written against; the account's own may be another.
const API_VERSION: &str = "2024-06-20";
/// Longest idempotence key that Stripe takes, in bytes.
const KEY_LEN_MAX: usize = 255;

/// A client bound to one account.
#[derive(Debug)]
pub(super) struct Transport {
    endpoint: Endpoint,
    secret: Secret,
}

impl Transport {
    pub(super) fn new(config: &StripeConfig) -> Result<Self, AdapterConfigError> {
        let wrong = |name, detail| Err(field(&config.name, name, detail));
        if config.secret.is_empty() {
            return wrong("secret", "must not be empty");
        }
        if config.webhook_secret.reveal().split_whitespace().next().is_none() {
            return wrong("webhook_secret", "must not be empty: Stripe signs what it sends");
        }
        let reach = Reach {
            name: &config.name,
            base_url: &config.base_url,
            call_timeout_ms: config.call_timeout_ms,
            connect_timeout_ms: config.connect_timeout_ms,
            answer_bytes_max: config.answer_bytes_max,
        };
        let endpoint = Endpoint::new(reach, wire::refusal)?;
        Ok(Self { endpoint, secret: config.secret.clone() })
    }

    pub(super) async fn get(&self, operation: Operation, path: &str) -> Answer {
        let request = self.request(Method::GET, path)?;
        self.endpoint.call(operation, request).await
    }

    pub(super) async fn post(
        &self,
        operation: Operation,
        path: &str,
        key: &str,
        form: String,
    ) -> Answer {
        let request = self.request(Method::POST, path)?;
        let request = request
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("Idempotency-Key", wire_key(key).as_ref())
            .body(form);
        self.endpoint.call(operation, request).await
    }

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, ProviderError> {
        let request = self.endpoint.request(method, path)?;
        Ok(request.bearer_auth(self.secret.reveal()).header("Stripe-Version", API_VERSION))
    }
}

/// The key as Stripe takes it; a longer or stranger one travels as its hash.
fn wire_key(key: &str) -> Cow<'_, str> {
    if key.len() <= KEY_LEN_MAX && key.bytes().all(|b| b.is_ascii_graphic()) {
        return Cow::Borrowed(key);
    }
    Cow::Owned(format!("{:x}", Sha256::digest(key)))
}
